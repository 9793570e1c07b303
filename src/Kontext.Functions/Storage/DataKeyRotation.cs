using System.Text.Json.Serialization;
using Kontext.Domain;
using Kontext.Domain.Audit;

namespace Kontext.Functions.Storage;

/// <summary>The last rotation of an organization's data key.</summary>
/// <param name="RotatedAt">When it was.</param>
/// <param name="ResealedAt">When nothing lasting was left under an older key; null until then.</param>
internal sealed record StoredDataKeyRotation(DateTimeOffset RotatedAt, DateTimeOffset? ResealedAt);

/// <summary>JSON of the row.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(StoredDataKeyRotation))]
internal sealed partial class DataKeyRotationJson : JsonSerializerContext;

/// <summary>Replaces data keys. Old versions stay, so that everything opens throughout; what they encrypted is encrypted anew when it is read, and by a sweep.</summary>
internal sealed class DataKeyRotation(ITableSource tables, IDataKeys keys, IAuditLog audit, TimeProvider time)
{
    private readonly DocumentTable<StoredDataKeyRotation> rows = new(tables.Open("datakeyrotations"), DataKeyRotationJson.Default.StoredDataKeyRotation);

    /// <summary>The last rotation; null when there was none.</summary>
    public Task<Versioned<StoredDataKeyRotation>?> FindAsync(OrgId org, CancellationToken cancellationToken) => rows.FindAsync(Key.Of(org), Key.Of(org), cancellationToken);

    /// <summary>Makes a new key the current one of <paramref name="org"/> and gives its version. The entry goes to the trail of <paramref name="recordedIn"/>.</summary>
    public async Task<string> RotateAsync(OrgId org, OrgId recordedIn, AuditParty? actor, CancellationToken cancellationToken)
    {
        // Before the key, so that the sweep knows of it whatever happens; and after it, so that no sweep of before counts.
        await NoteAsync(org, cancellationToken);
        var version = await keys.RotateAsync(org, CancellationToken.None);
        await NoteAsync(org, CancellationToken.None);
        await RecordAsync(recordedIn, actor, "data_key.rotated", org == recordedIn ? version : $"{version}, the issuer's own");
        return version;
    }

    /// <summary>Notes that a sweep found nothing under an older key. One that began before the other processes had forgotten that key proves nothing.</summary>
    public async Task ResealedAsync(OrgId org, OrgId recordedIn, Versioned<StoredDataKeyRotation> rotation, DateTimeOffset sweepBegan)
    {
        if (sweepBegan < rotation.Value.RotatedAt + DataKeyCache.Life + DataKeyCache.Slack)
            return;
        if (await rows.ReplaceAsync(Key.Of(org), Key.Of(org), rotation, rotation.Value with { ResealedAt = time.GetUtcNow() }, CancellationToken.None) is not null)
            await RecordAsync(recordedIn, actor: null, "data_key.resealed", $"everything lasting is under the key of {rotation.Value.RotatedAt:u}");
    }

    private async Task NoteAsync(OrgId org, CancellationToken cancellationToken)
    {
        while (true)
        {
            var next = new StoredDataKeyRotation(time.GetUtcNow(), ResealedAt: null);
            var current = await FindAsync(org, cancellationToken);
            var written = current is null
                ? await rows.InsertAsync(Key.Of(org), Key.Of(org), next, cancellationToken)
                : await rows.ReplaceAsync(Key.Of(org), Key.Of(org), current, next, cancellationToken);
            if (written is not null)
                return;
        }
    }

    private Task RecordAsync(OrgId org, AuditParty? actor, string change, string what) => audit.AppendAsync(org, new AuditEvent
    {
        At = time.GetUtcNow(),
        Type = AuditTypes.Administered,
        Actor = actor,
        Capability = change,
        Target = what,
    }, CancellationToken.None);
}
