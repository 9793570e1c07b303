using Kontext.Testing;

namespace Kontext.EndToEnd.Tests;

/// <summary>An installation of the product with state and keys of its own, and as many instances as a test starts.</summary>
internal sealed class Installation(string storage) : IAsyncDisposable
{
    private readonly List<KontextServer> instances = [];
    private readonly string keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;

    /// <summary>A new installation in a storage account of its own.</summary>
    public static async Task<Installation> CreateAsync(AzuriteFixture azurite) => new(await azurite.EmptyAccountAsync());

    /// <summary>The settings an instance is started with, for hosts that start it themselves.</summary>
    public IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["Kontext__Storage"] = storage,
        ["Kontext__KeyDirectory"] = keys,
    };

    /// <summary>Starts an instance; the first one's address is the installation's public one.</summary>
    public async Task<KontextServer> StartAsync()
    {
        var instance = await KontextServer.StartAsync(storage, keys, instances.FirstOrDefault()?.Url);
        instances.Add(instance);
        return instance;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var instance in instances)
            await instance.DisposeAsync();
        Directory.Delete(keys, recursive: true);
    }
}
