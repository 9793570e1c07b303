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

    /// <summary>The table service's address.</summary>
    public Uri Tables => new(storage.Split("TableEndpoint=")[1].Split(';')[0]);

    /// <summary>Starts an instance; the first one's address is the installation's public one.</summary>
    /// <param name="tables">Where it finds the table service, if not at its own address.</param>
    /// <param name="handler">As the Functions host starts it: with triggers to post to, and without timers of its own.</param>
    /// <param name="quiet">As the Functions host starts it that also hands out the queue's messages: nothing happens in it but what it is asked for.</param>
    public async Task<KontextServer> StartAsync(Uri? tables = null, bool handler = false, bool quiet = false)
    {
        var reached = tables is null ? storage : storage.Replace(Tables.GetLeftPart(UriPartial.Authority), tables.GetLeftPart(UriPartial.Authority), StringComparison.Ordinal);
        var instance = await KontextServer.StartAsync(
            reached, keys, First?.Url, quiet ? new Dictionary<string, string> { ["KontextQueue"] = storage } : null, handler || quiet);
        lock (instances)
            instances.Add(instance);
        return instance;
    }

    private KontextServer? First
    {
        get
        {
            lock (instances)
                return instances.FirstOrDefault();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var instance in instances)
            await instance.DisposeAsync();
        Directory.Delete(keys, recursive: true);
    }
}
