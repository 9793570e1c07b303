using Kontext.Domain.Tenancy;

namespace Kontext.Domain.OAuth;

/// <summary>What a client says of itself with a request; null where it says nothing.</summary>
public sealed record ClientReport(string? Hostname, string? UserAgent, ClientInfo? ClientInfo);

/// <summary>Notes that a session is used, and by what program (contract 1.12): at most once a minute, and when the program is another.</summary>
public sealed class SessionActivity(ISessionStore sessions, TimeProvider time)
{
    private const int MaxText = 200;
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    /// <summary>Notes it. That somebody else wrote at the same moment is as good: it was a sign of life, or an end.</summary>
    public async Task SeenAsync(OrgId org, Session session, ClientReport report, CancellationToken cancellationToken)
    {
        if (!IsNew(session, report))
            return;
        // The session at hand may be a minute old.
        if (await sessions.FindAsync(org, session.Application, session.Id, cancellationToken) is not { Value.RevokedAt: null } row || !IsNew(row.Value, report))
            return;
        await sessions.ReplaceAsync(org, row, row.Value with
        {
            LastActiveAt = time.GetUtcNow(),
            Hostname = Short(report.Hostname) ?? row.Value.Hostname,
            UserAgent = Short(report.UserAgent) ?? row.Value.UserAgent,
            ClientInfo = Short(report.ClientInfo) ?? row.Value.ClientInfo,
        }, cancellationToken);
    }

    private bool IsNew(Session session, ClientReport report) =>
        time.GetUtcNow() - (session.LastActiveAt ?? session.CreatedAt) >= Every
        || (Short(report.Hostname) is { } hostname && hostname != session.Hostname)
        || (Short(report.UserAgent) is not null && session.UserAgent is null)
        || (Short(report.ClientInfo) is { } client && client != session.ClientInfo);

    private static ClientInfo? Short(ClientInfo? client) =>
        client is null ? null : new ClientInfo(Short(client.Name), Short(client.Title), Short(client.Version)) is { } said && said != new ClientInfo(null, null, null) ? said : null;

    private static string? Short(string? text) =>
        text?.Trim() is not { Length: > 0 } said || !PrintableText.IsPrintable(said) ? null : said.Length <= MaxText ? said : said[..MaxText];
}
