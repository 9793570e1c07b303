namespace Kontext.Testing;

/// <summary>Azurite for the tests of an assembly: in memory, on free ports, started when the first test asks for it and gone with the test process.
/// Use it as an xunit assembly fixture: <c>[assembly: AssemblyFixture(typeof(AzuriteFixture))]</c>.</summary>
public sealed class AzuriteFixture : IAsyncDisposable
{
    private const string Account = "devstoreaccount1";
    private const string AccountKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
    private const int Accounts = 150;

    private readonly Lazy<Task<IReadOnlyList<string>>> endpoints;
    private AzuriteProcess? azurite;
    private int given;

    /// <summary>Starts nothing yet.</summary>
    public AzuriteFixture() => endpoints = new(StartAsync);

    /// <summary>A connection string with the addresses of all three services. The first call starts Azurite and waits until it listens.</summary>
    public Task<string> ConnectionStringAsync() => ConnectionStringAsync(Account);

    /// <summary>A connection string for a storage account that nobody else has used.</summary>
    public Task<string> EmptyAccountAsync()
    {
        var number = Interlocked.Increment(ref given);
        return number <= Accounts ? ConnectionStringAsync($"account{number}") : throw new InvalidOperationException($"The tests use more than {Accounts} accounts.");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (azurite is not null)
            await azurite.DisposeAsync();
    }

    private async Task<string> ConnectionStringAsync(string account) =>
        $"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={AccountKey};"
        + string.Join(';', (await endpoints.Value).Select(endpoint => $"{endpoint}/{account}"));

    private async Task<IReadOnlyList<string>> StartAsync()
    {
        var accounts = string.Join(';', Enumerable.Range(1, Accounts).Select(number => $"account{number}:{AccountKey}").Prepend($"{Account}:{AccountKey}"));
        azurite = await AzuriteProcess.StartAsync(accounts);
        return azurite.Endpoints;
    }
}
