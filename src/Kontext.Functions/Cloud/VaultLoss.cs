using System.Globalization;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.OAuth;
using Kontext.Domain.Vault;
using Kontext.Functions.OAuth;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Cloud;

/// <summary>What was given up with a vault.</summary>
internal sealed class VaultLossReport
{
    /// <summary>Organizations with something in it; the issuer's own keys do not count.</summary>
    public int Organizations { get; set; }

    /// <summary>Organizations whose data key and derivation key were made anew; the issuer's own count.</summary>
    public int Keys { get; set; }

    /// <summary>Signing keys that were cut off.</summary>
    public int SigningKeys { get; set; }

    /// <summary>Sessions that were ended.</summary>
    public int Sessions { get; set; }

    /// <summary>Connections that were ended.</summary>
    public int Connections { get; set; }

    /// <summary>Secrets that somebody has to set anew, by organization.</summary>
    public List<(OrgId Org, CredentialName Name)> ToSetAnew { get; } = [];

    /// <summary>Nothing was lost.</summary>
    public bool IsEmpty => Organizations + Keys + SigningKeys == 0;
}

/// <summary>Gives up a key vault that is gone for good: what was in it, and what was encrypted or derived with keys in it, is ended or forgotten, and new keys are made in the vaults there are. What the vault
/// gives out after all stays as it is.
/// Nothing may run meanwhile that remembers the old keys. Run again after an interruption, it goes on.</summary>
internal sealed class VaultLoss(ITableSource tables, KeyVaultDataKeys keys, LostVaultRows rows, SessionRevocation sessions, CredentialLoss credentials, SigningKeyRotation signingKeys, IAuditLog audit, TimeProvider time)
{
    private readonly OrganizationIndex organizations = new(tables);

    /// <summary>Does it. <paramref name="own"/> is the organization that runs the installation, in whose trail the issuer's keys are recorded.</summary>
    /// <exception cref="StorageUnavailableException">Storage or a vault that is not lost does not answer.</exception>
    public async Task<VaultLossReport> RunAsync(string vault, OrgId own, CancellationToken cancellationToken)
    {
        var report = new VaultLossReport();
        foreach (var org in await organizations.AllAsync(cancellationToken))
            await GiveUpAsync(org, vault, report, cancellationToken);
        await rows.ForgetAsync(SigningKeyStore.Issuer, vault, cancellationToken);
        await ReplaceKeysAsync(SigningKeyStore.Issuer, vault, report, cancellationToken);
        report.SigningKeys = await signingKeys.ReplaceLostAsync(own, cancellationToken);
        return report;
    }

    // INVARIANT: what tells that something is to be done goes last, so that an interrupted run is gone on with: the row of a credential after its connection, the row of the keys after everything.
    private async Task GiveUpAsync(OrgId org, string vault, VaultLossReport report, CancellationToken cancellationToken)
    {
        var keysLost = await keys.AreLostAsync(org, vault, cancellationToken);
        var ended = keysLost ? await sessions.RunAllAsync(org, $"the key vault {vault} was lost", cancellationToken) : 0;
        var disconnected = await credentials.RunAsync(
            org, connection => rows.IsLostAsync(org, connection, vault, cancellationToken), text => rows.IsSealedLostAsync(org, text, vault, cancellationToken), cancellationToken);
        var forgotten = await rows.ForgetAsync(org, vault, cancellationToken);
        report.ToSetAnew.AddRange(forgotten.Where(IsSetBySomebody).OrderBy(name => name.Name, StringComparer.Ordinal).Select(name => (org, name)));
        if (!keysLost && forgotten.Count == 0)
            return;
        report.Organizations++;
        report.Sessions += ended;
        report.Connections += disconnected;
        await audit.AppendAsync(org, new AuditEvent
        {
            At = time.GetUtcNow(),
            Type = AuditTypes.Administered,
            Capability = "vault.abandoned",
            Target = string.Create(CultureInfo.InvariantCulture, $"{vault}: {disconnected} connections and {ended} sessions ended, {forgotten.Count} credentials lost"),
        }, CancellationToken.None);
        await ReplaceKeysAsync(org, vault, report, cancellationToken);
    }

    private async Task ReplaceKeysAsync(OrgId org, string vault, VaultLossReport report, CancellationToken cancellationToken)
    {
        if (!await keys.AreLostAsync(org, vault, cancellationToken))
            return;
        await keys.ReplaceLostAsync(org, cancellationToken);
        report.Keys++;
    }

    // People connect again by themselves, and clients are registered again when they are needed.
    private static bool IsSetBySomebody(CredentialName name) =>
        name.Name.StartsWith("server-token-", StringComparison.Ordinal) || name.Name.StartsWith("client-secret-", StringComparison.Ordinal) || name.Name.StartsWith("webhook-", StringComparison.Ordinal);
}
