using System.Collections.Immutable;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Kontext.Domain.Audit;
using Kontext.Domain.Vault;

namespace Kontext.Domain.Webhooks;

/// <summary>Which of the things that are recorded are also sent, and in which words. A message holds ids, names and reasons, no secret.</summary>
public static class WebhookEvents
{
    /// <summary>Sent when an administrator asks for it.</summary>
    public const string Test = "webhook.test";

    private const string ConnectionInvalid = "connection.invalid";
    private const string SessionRevoked = "session.revoked";
    private const string ApplicationArchived = "application.archived";

    // Receivers read JSON, no browser does.
    private static readonly JsonWriterOptions Writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Everything a webhook can ask for.</summary>
    public static ImmutableArray<string> Types { get; } =
    [
        "connection.connected", "connection.refreshed", "connection.failing", "connection.recovered", ConnectionInvalid, "connection.disconnected", SessionRevoked, ApplicationArchived,
    ];

    /// <summary>The type under which an entry of the audit trail is sent; null when it is not.</summary>
    public static string? TypeOf(AuditEvent happened) => happened switch
    {
        { Type: AuditTypes.Validated, ErrorType: ConnectionEnds.Refused } => ConnectionInvalid,
        { Type: AuditTypes.Revoked, SessionId: not null } => SessionRevoked,
        { Type: AuditTypes.Administered, Capability: ApplicationArchived } => ApplicationArchived,
        _ when happened.Type.StartsWith("connection.", StringComparison.Ordinal) && Types.Contains(happened.Type) => happened.Type,
        _ => null,
    };

    /// <summary>The body of a message about an entry.</summary>
    public static string PayloadOf(OrgId org, string type, AuditEvent happened) => Write(type, happened.At, json =>
    {
        json.WriteString("organizationId", org.ToString());
        WriteParty(json, "integration", happened.Integration);
        WriteParty(json, "application", happened.Agent);
        WriteParty(json, "actor", happened.Actor);
        WriteText(json, "userId", happened.User?.Id);
        WriteText(json, "sessionId", happened.SessionId);
        if (happened.Type == AuditTypes.Administered)
            WriteText(json, "target", happened.Target);
        if (!happened.Scopes.IsDefaultOrEmpty)
        {
            json.WriteStartArray("scopes");
            foreach (var scope in happened.Scopes)
                json.WriteStringValue(scope);
            json.WriteEndArray();
        }
        WriteText(json, "reasonCode", happened.ErrorType);
        WriteText(json, "reason", happened.ErrorMessage);
    });

    /// <summary>The body of a test message.</summary>
    public static string TestPayload(OrgId org, WebhookId webhook, DateTimeOffset now) => Write(Test, now, json =>
    {
        json.WriteString("organizationId", org.ToString());
        json.WriteString("webhookId", webhook.ToString());
    });

    private static string Write(string type, DateTimeOffset at, Action<Utf8JsonWriter> data)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Writing))
        {
            json.WriteStartObject();
            json.WriteString("type", type);
            json.WriteString("timestamp", at.UtcDateTime);
            json.WriteStartObject("data");
            data(json);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.GetBuffer().AsSpan(0, (int)buffer.Length));
    }

    private static void WriteParty(Utf8JsonWriter json, string name, AuditParty? party)
    {
        if (party is null)
            return;
        json.WriteStartObject(name);
        json.WriteString("id", party.Id);
        WriteText(json, "name", party.Name);
        json.WriteEndObject();
    }

    private static void WriteText(Utf8JsonWriter json, string name, string? text)
    {
        if (text is not null)
            json.WriteString(name, text);
    }
}
