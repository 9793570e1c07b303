using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Functions.Cloud;
using Kontext.Functions.Storage;
using Kontext.Testing;
using Kontext.Testing.KeyVaultApi;

namespace Kontext.Functions.Tests.Cloud;

/// <summary>An installation's vaults over the stand-in of Key Vault: tables, keys and credentials. What is opened twice is another instance.</summary>
internal sealed class KeyVaultWorld : IAsyncDisposable
{
    private readonly List<IDisposable> opened = [];

    private KeyVaultWorld(KeyVaultStandIn standIn, ManualTime time)
    {
        (StandIn, Time) = (standIn, time);
        Tables = new FaultyTables(new MemoryTables());
    }

    /// <summary>The name of the vault that tests use unless they say otherwise.</summary>
    public const string Vault = "acme-kv";

    public static readonly CredentialName Name = CredentialName.Of(ConnectionId.From(Guid.Parse("0199a000-0000-7000-8000-00000000000c")));

    public KeyVaultStandIn StandIn { get; }

    public ManualTime Time { get; }

    public FaultyTables Tables { get; }

    public OrgId Org { get; } = Ids.New<OrgId>(DateTimeOffset.UnixEpoch);

    /// <summary>The credentials' table.</summary>
    public ITable Rows => Tables.Open(VaultRows.Table);

    public static async Task<KeyVaultWorld> StartAsync(ManualTime? time = null) =>
        new(await KeyVaultStandIn.StartAsync(), time ?? new ManualTime(new DateTimeOffset(2026, 11, 21, 12, 0, 0, TimeSpan.Zero)));

    public KeyVaultDataKeys Keys(params string[] vaults) => Keys(before: null, vaults);

    public KeyVaultDataKeys Keys(Functions.Local.LocalKeys? before, params string[] vaults)
    {
        var keys = new KeyVaultDataKeys(Tables, StandIn.Open(vaults is [] ? [Vault] : vaults), before, Time);
        opened.Add(keys);
        return keys;
    }

    public EnvelopeVault Envelope(TimeProvider? time = null) => new(Tables, Keys(), time ?? Time);

    public KeyVaultCredentialVault Credentials(CredentialForm form = CredentialForm.KeyVault, TimeProvider? time = null, params string[] vaults) =>
        new(Tables, Envelope(time), StandIn.Open(vaults is [] ? [Vault] : vaults), form, time ?? Time);

    /// <summary>The secrets of credentials in a vault, living or deleted.</summary>
    public IReadOnlyList<(string Name, StandInSecret Secret)> CredentialSecrets(string vault = Vault) =>
        [.. StandIn[vault].Secrets.Where(secret => secret.Key.StartsWith("credential-", StringComparison.Ordinal)).Select(secret => (secret.Key, secret.Value))];

    public async ValueTask DisposeAsync()
    {
        foreach (var one in opened)
            one.Dispose();
        await StandIn.DisposeAsync();
    }
}
