using System.Globalization;
using Kontext.Testing;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>The product in this process, on a port of its own and a clock of the test's. Several share a storage account, a key folder, a clock and the public address of the first.</summary>
internal sealed class TimedKontext : WebApplicationFactory<Program>
{
    private readonly TimedKontext? first;
    private readonly string keys;
    private readonly string storage;

    /// <param name="storage">Its storage account.</param>
    /// <param name="step">How far each reading of the clock moves it; without, times are exact.</param>
    public TimedKontext(string storage = "memory", TimeSpan step = default)
        : this(storage, step, first: null)
    {
    }

    private TimedKontext(string storage, TimeSpan step, TimedKontext? first)
    {
        (this.storage, this.first) = (storage, first);
        keys = first?.keys ?? Directory.CreateTempSubdirectory("kontext-keys-").FullName;
        Time = first?.Time ?? new(new DateTimeOffset(2026, 11, 21, 6, 0, 0, TimeSpan.Zero), step);
        var port = KontextServer.FreePort();
        Address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        // The address goes in as a setting: set by the factory, it could come after the program has begun to listen.
        UseKestrel();
    }

    public Uri Address { get; }

    public ManualTime Time { get; }

    /// <summary>Another instance of the same installation.</summary>
    public TimedKontext Sibling() => new(storage, default, this);

    protected override void ConfigureWebHost(IWebHostBuilder builder) => builder
        .UseEnvironment("Development").UseUrls(Address.OriginalString)
        .UseSetting("Kontext:Storage", storage).UseSetting("Kontext:KeyDirectory", keys).UseSetting("Kontext:PublicUrl", (first ?? this).Address.OriginalString)
        .ConfigureTestServices(services => services.AddSingleton<TimeProvider>(Time));

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (first is null)
            Directory.Delete(keys, recursive: true);
    }
}
