using Kontext.Testing;

namespace Kontext.EndToEnd.Tests.Refresh;

/// <summary>A process that reaches storage by way of a wire, so that its refreshes can be watched step by step.</summary>
internal sealed class WiredProcess : IAsyncDisposable
{
    private readonly TokenRelay relay;
    private readonly Wire storage;

    private WiredProcess(KontextServer server, Wire storage, TokenRelay relay) => (Server, this.storage, this.relay) = (server, storage, relay);

    /// <summary>The process.</summary>
    public KontextServer Server { get; }

    /// <summary>What becomes of all its requests to storage, when steps alone do not say it; null while they do.</summary>
    public Func<bool>? StorageIsDown { get; set; }

    /// <summary>Starts it.</summary>
    public static async Task<WiredProcess> StartAsync(Installed installed, TokenRelay relay)
    {
        var storage = await Wire.OpenAsync(installed.Tables);
        return new WiredProcess(await installed.StartAsync(storage), storage, relay);
    }

    /// <summary>Lets a test decide what becomes of each step of the integration's next refresh, which is to happen here. Gives the steps as they come.</summary>
    public RefreshSteps Watch(string service, Func<Step, Func<Task<WireAnswer>>, Task<WireAnswer?>> onStep)
    {
        var steps = new RefreshSteps(onStep);
        storage.Rule = async (request, pass) =>
        {
            var answer = await steps.OnStorageAsync(request, async () => StorageIsDown?.Invoke() == true ? WireAnswer.Of(System.Net.HttpStatusCode.ServiceUnavailable) : await pass());
            return answer;
        };
        relay.Watch(service, steps);
        return steps;
    }

    /// <summary>The steps of a refresh that nothing disturbs.</summary>
    public async Task<IReadOnlyList<Step>> StepsAsync(Installed installed, string service)
    {
        await installed.ConnectAsync(service);
        await installed.ExpireAsync(service);
        var steps = Watch(service, static async (_, pass) => await pass());
        var answer = await installed.ExchangeAsync(service, Server);
        Assert.True(answer.Status == System.Net.HttpStatusCode.OK, answer.Json?.ToJsonString());
        return steps.Seen;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Server.KillAsync();
        await storage.DisposeAsync();
    }
}
