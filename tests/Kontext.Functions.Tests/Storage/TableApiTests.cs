using Kontext.Functions.Storage;
using Kontext.Testing;

[assembly: AssemblyFixture(typeof(AzuriteFixture))]

namespace Kontext.Functions.Tests.Storage;

/// <summary>The contract on the Table service's REST API, and what only a network can do to it.</summary>
public sealed class TableApiTests(AzuriteFixture azurite) : TableContract
{
    private protected override async Task<ITable> OpenAsync() =>
        new TableService(StorageAccount.Parse(await azurite.ConnectionStringAsync()), TimeProvider.System).Open("t" + Guid.NewGuid().ToString("N"));
}
