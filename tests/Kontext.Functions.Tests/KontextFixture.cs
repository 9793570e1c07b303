using Kontext.Testing;

namespace Kontext.Functions.Tests;

/// <summary>One running product for the tests of a surface, with its state in memory. Its owner is Olivia.</summary>
public sealed class KontextFixture : IAsyncLifetime
{
    /// <summary>Who signs in first and so becomes owner.</summary>
    public const string Owner = "olivia";

    // Access tokens live for ten minutes, which a run on a busy machine outlasts.
    private static readonly TimeSpan RenewEvery = TimeSpan.FromMinutes(7);

    private readonly string keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;
    private readonly CancellationTokenSource ended = new();
    private Task renewing = Task.CompletedTask;

    /// <summary>The product.</summary>
    public KontextServer Server { get; private set; } = null!;

    /// <summary>A client of it.</summary>
    public TestAgent Agent { get; private set; } = null!;

    /// <summary>The owner's management token.</summary>
    public string OwnerToken { get; private set; } = "";

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        Server = await KontextServer.StartAsync("memory", keys);
        Agent = new TestAgent(Server.Url);
        OwnerToken = await Agent.ManagementTokenAsync(Owner);
        renewing = RenewAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await ended.CancelAsync();
        await renewing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        ended.Dispose();
        await Server.DisposeAsync();
        Directory.Delete(keys, recursive: true);
    }

    private async Task RenewAsync()
    {
        using var often = new PeriodicTimer(RenewEvery);
        while (await often.WaitForNextTickAsync(ended.Token))
            OwnerToken = await Agent.ManagementTokenAsync(Owner);
    }
}
