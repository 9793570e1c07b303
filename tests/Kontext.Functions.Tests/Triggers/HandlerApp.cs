using System.Threading.Channels;
using Kontext.Functions.Triggers;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;

namespace Kontext.Functions.Tests.Triggers;

/// <summary>The program in memory, either as the Functions host starts it (with a handler port) or alone, with timers of the test's own beside its own.</summary>
internal sealed class HandlerApp(bool underHost = true, params ITimerTrigger[] timers) : WebApplicationFactory<Program>
{
    private readonly string keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        builder.UseEnvironment("Development").UseSetting("Kontext:Storage", "memory").UseSetting("Kontext:KeyDirectory", keys);
        if (underHost)
            builder.UseSetting("FUNCTIONS_CUSTOMHANDLER_PORT", "1");
        builder.ConfigureTestServices(services =>
        {
            foreach (var timer in timers)
                services.AddSingleton(timer);
        });
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(keys, recursive: true);
    }
}

/// <summary>A timer that counts its runs and lets a test wait for them.</summary>
internal sealed class RecordingTimer(string name, TimeSpan every) : ITimerTrigger
{
    private readonly Channel<int> ran = Channel.CreateUnbounded<int>();
    private int runs;

    public string Name => name;

    public TimeSpan Every => every;

    public int Runs => Volatile.Read(ref runs);

    /// <summary>What each run ends with; null for a good end.</summary>
    public Exception? Fails { get; init; }

    public Task RunAsync(CancellationToken cancellationToken)
    {
        ran.Writer.TryWrite(Interlocked.Increment(ref runs));
        return Fails is null ? Task.CompletedTask : Task.FromException(Fails);
    }

    /// <summary>Completes when one more run has begun.</summary>
    public async Task NextRunAsync(CancellationToken cancellationToken) => await ran.Reader.ReadAsync(cancellationToken);
}
