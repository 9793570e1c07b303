using Kontext.Testing;

namespace Kontext.Functions.Tests;

/// <summary>One running product for the tests of a surface, with its state in memory. Its owner is Olivia.</summary>
public sealed class KontextFixture : IAsyncLifetime
{
    /// <summary>Who signs in first and so becomes owner.</summary>
    public const string Owner = "olivia";

    private readonly string keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;

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
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        Directory.Delete(keys, recursive: true);
    }
}
