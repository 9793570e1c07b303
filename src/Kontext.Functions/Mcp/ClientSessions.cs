using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;
using Kontext.Functions.Upstream;

namespace Kontext.Functions.Mcp;

/// <summary>Opens, recognizes and ends sessions of clients (MCP 2025-11-25, session management). An id is sealed: it cannot be made up or read, and holds only for its person and agent.</summary>
internal sealed class ClientSessions(ISealer sealer, IMcpSessionNotes notes, TimeProvider time)
{
    /// <summary>The header that carries the id.</summary>
    public const string Header = "Mcp-Session-Id";

    private const string Purpose = "mcp-session";
    private const int MaxRoute = 1024;
    private static readonly TimeSpan Life = TimeSpan.FromHours(24);

    /// <summary>A new session for the client that sent <c>initialize</c>; the server's session is not known yet.</summary>
    public ClientSession New(AgentCaller caller, Integration? integration, JsonElement capabilities) =>
        new(RandomValue.Token(), caller.User.Id, caller.Application.Id, integration?.Id, ClientSession.CapabilitiesOf(capabilities), Route: null, time.GetUtcNow() + Life);

    /// <summary>The id to hand out.</summary>
    public ValueTask<string> IdOfAsync(AgentCaller caller, ClientSession session, CancellationToken cancellationToken)
    {
        var kept = session with { Note = null, Route = session.Route is { Length: <= MaxRoute } route ? route : null };
        return sealer.SealAsync(caller.Org, Purpose, new Secret(JsonSerializer.Serialize(kept, SealedJson.Default.ClientSession)), cancellationToken);
    }

    /// <summary>The session of an id; null when it is not one of ours, somebody else's, of another address, or over.</summary>
    public async ValueTask<ClientSession?> FindAsync(AgentCaller caller, Integration? integration, string id, CancellationToken cancellationToken)
    {
        if (await sealer.OpenAsync(caller.Org, Purpose, id, cancellationToken) is not { } opened)
            return null;
        var session = JsonSerializer.Deserialize(opened.Reveal(), SealedJson.Default.ClientSession)!;
        if (session.User != caller.User.Id || session.Application != caller.Application.Id || session.Integration != integration?.Id || session.ExpiresAt <= time.GetUtcNow())
            return null;
        // It was opened at another server than the integration's of today.
        if (integration is not null && session.Route is { } route && !UpstreamEra.LeadsTo(route, integration.Url))
            return null;
        var note = await notes.FindAsync(caller.Org, session.Name, cancellationToken);
        return note is { Ended: true } ? null : session with { Note = note };
    }

    /// <summary>Changes what is noted of it, for every instance.</summary>
    public Task ChangeAsync(AgentCaller caller, ClientSession session, Func<McpSessionNote, McpSessionNote> change, CancellationToken cancellationToken) =>
        notes.ChangeAsync(caller.Org, session.Name, session.ExpiresAt, change, cancellationToken);

    /// <summary>What is noted of it now; null when nothing is.</summary>
    public Task<McpSessionNote?> NoteOfAsync(AgentCaller caller, ClientSession session, CancellationToken cancellationToken) => notes.FindAsync(caller.Org, session.Name, cancellationToken);
}
