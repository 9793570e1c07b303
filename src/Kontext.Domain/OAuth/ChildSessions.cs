using System.Security.Cryptography;
using System.Text;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.OAuth;

/// <summary>Sessions of agents that act with authority handed on to them by token exchange. Each ends with the one it was made from (contract 3.4.4, 6.6).</summary>
public sealed class ChildSessions(ISessionStore sessions, Resources resources, TimeProvider time)
{
    private const int MaxChildren = 100;
    private static readonly Failure Ended = new(FailureCode.InvalidGrant, "The session this was to be made from has ended, or was revoked for this application. Authorize again.");

    /// <summary>The agent's session under the parent: always the same one, so that revoking it lasts as long as the parent does.</summary>
    public async Task<Result<Session>> OfAsync(OrgId org, Session parent, Application agent, bool consentImplied, CancellationToken cancellationToken)
    {
        var id = IdOf(parent.Id, agent.Id);
        if (await sessions.CurrentAsync(org, agent.Id, id, cancellationToken) is { } known)
            return known.IsLive(time.GetUtcNow()) ? known : Ended;
        if (await EnterAsync(org, parent, new SessionName(agent.Id, id), cancellationToken) is { } refused)
            return refused;
        var child = new Session
        {
            Id = id,
            Application = agent.Id,
            User = parent.User,
            Name = agent.Name,
            Scopes = [Scopes.Invoke],
            Resources = [resources.Gateway],
            Approved = parent.Approved,
            ConsentImplied = consentImplied || parent.ConsentImplied,
            Parent = new SessionName(parent.Application, parent.Id),
            CreatedAt = time.GetUtcNow(),
            ExpiresAt = parent.ExpiresAt,
        };
        if (await sessions.InsertAsync(org, child, cancellationToken))
            return child;
        return await sessions.FindAsync(org, agent.Id, id, cancellationToken) is { } other && other.Value.IsLive(time.GetUtcNow()) ? other.Value : Ended;
    }

    // The parent knows its children before they exist: what it does not know, its end could not reach.
    private async Task<Failure?> EnterAsync(OrgId org, Session parent, SessionName child, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (await sessions.FindAsync(org, parent.Application, parent.Id, cancellationToken) is not { } row || !row.Value.IsLive(time.GetUtcNow()))
                return Ended;
            if (row.Value.Children.Contains(child))
                return null;
            if (row.Value.Children.Length >= MaxChildren)
                return new Failure(FailureCode.InvalidRequest, $"One session can be handed on to at most {MaxChildren} applications.");
            if (await sessions.ReplaceAsync(org, row, row.Value with { Children = row.Value.Children.Add(child) }, cancellationToken) is not null)
                return null;
        }
    }

    // The parent's moment stays in the id, so that sessions are listed in the order in which people approved.
    private static SessionId IdOf(SessionId parent, AppId agent)
    {
        Span<byte> bytes = stackalloc byte[16];
        parent.Value.TryWriteBytes(bytes, bigEndian: true, out _);
        SHA256.HashData(Encoding.ASCII.GetBytes($"child session\n{parent}\n{agent}")).AsSpan(0, 10).CopyTo(bytes[6..]);
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x70);
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new SessionId(new Guid(bytes, bigEndian: true));
    }
}
