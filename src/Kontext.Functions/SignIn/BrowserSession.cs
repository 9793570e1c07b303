using System.Text.Json.Serialization;
using Kontext.Domain;
using Kontext.Functions.Storage;

namespace Kontext.Functions.SignIn;

/// <summary>A browser's sign-in, as stored under the hash of its handle.</summary>
internal sealed record BrowserSession(string UserId, DateTimeOffset SignedInAt, DateTimeOffset LastSeenAt, bool Ended);

/// <summary>JSON of stored browser sessions.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(BrowserSession))]
internal sealed partial class BrowserSessionJson : JsonSerializerContext;

/// <summary>Keeps browser sessions.</summary>
internal sealed class BrowserSessionStore(ITableSource tables)
{
    private readonly DocumentTable<BrowserSession> table = new(tables.Open("browsersessions"), BrowserSessionJson.Default.BrowserSession);

    /// <summary>Adds one.</summary>
    public Task InsertAsync(OrgId org, string hash, BrowserSession session, CancellationToken cancellationToken) =>
        table.InsertAsync(Partition(org, hash), Row(org, hash), session, cancellationToken);

    /// <summary>By hash; null when unknown.</summary>
    public Task<Versioned<BrowserSession>?> FindAsync(OrgId org, string hash, CancellationToken cancellationToken) =>
        table.FindAsync(Partition(org, hash), Row(org, hash), cancellationToken);

    /// <summary>Writes if nobody wrote since.</summary>
    public Task<Versioned<BrowserSession>?> ReplaceAsync(OrgId org, string hash, Versioned<BrowserSession> current, BrowserSession next, CancellationToken cancellationToken) =>
        table.ReplaceAsync(Partition(org, hash), Row(org, hash), current, next, cancellationToken);

    private static string Partition(OrgId org, string hash) => $"{org}~{hash[..2]}";

    private static string Row(OrgId org, string hash) => $"{org}~{hash}";
}
