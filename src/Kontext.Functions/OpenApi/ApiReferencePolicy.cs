using static Kontext.Functions.OpenApi.ApiParameter;
using Json = Kontext.Functions.Api.ApiJson;

namespace Kontext.Functions.OpenApi;

/// <summary>The reference of policy, records, revocation and operation.</summary>
internal static partial class ApiReference
{
    private static IReadOnlyList<ApiOperation> Policy =>
    [
        new("GET", "/policy/settings", "Policy", "Is policy enforced, or only recorded?") { Answer = Json.Default.PolicySettingsBody },
        new("PATCH", "/policy/settings", "Policy", "Enforce policy, or only record what it would do", Who.Privileged) { Body = Json.Default.PolicySettingsInput, Answer = Json.Default.PolicySettingsBody },
        new("GET", "/policy/rules", "Policy", "The rules: a bare array") { Answer = Json.Default.IReadOnlyListPolicyRuleBody },
        new("POST", "/policy/rules", "Policy", "Add a rule: people for themselves and their applications, administrators for everybody") { Body = Json.Default.PolicyRuleInput, Answer = Json.Default.PolicyRuleEnvelope, Status = 201 },
        new("PUT", "/policy/rules", "Policy", "Replace all rules if nobody else changed them meanwhile", Who.Privileged) { Body = Json.Default.PolicyReplacement, Answer = Json.Default.PolicyReplacedBody },
        new("GET", "/policy/rules/{id}", "Policy", "Read a rule") { Answer = Json.Default.PolicyRuleEnvelope },
        new("PUT", "/policy/rules/{id}", "Policy", "Change a rule") { Body = Json.Default.PolicyRuleInput, Answer = Json.Default.PolicyRuleEnvelope, Headers = [IfMatch] },
        new("DELETE", "/policy/rules/{id}", "Policy", "Delete a rule") { Status = 204, Headers = [IfMatch] },
        new("GET", "/policy/export", "Policy", "All rules as a document to keep and review", Who.Privileged) { Answer = Json.Default.PolicyDocumentBody },
        new("POST", "/policy/import", "Policy", "Replace all rules by those of a document", Who.Privileged) { Body = Json.Default.PolicyDocumentInput, Answer = Json.Default.PolicyReplacedBody, Query = [new("expectedRevision", "integer", "The revision that is to be replaced; only a dry run goes without."), DryRun] },
        new("POST", "/policy/check", "Policy", "What policy says, without acting") { Body = Json.Default.PolicyCheckInput, Answer = Json.Default.PolicyCheckBody },
        new("GET", "/policy/access", "Policy", "What an application may do for a person, integration by integration")
        {
            Answer = Json.Default.PolicyAccessBody, Query = [new("applicationId", "string", "The application."), new("userId", "string", "The person, or me."), new("sessionId", "string", "One approval of theirs."), Limit, Cursor],
        },
        new("POST", "/policy/replay", "Policy", "What other rules would have decided about recorded calls", Who.Privileged) { Body = Json.Default.PolicyReplayInput, Answer = Json.Default.PolicyReplayBody },
    ];

    private static ApiParameter DryRun => new("dryRun", "boolean", "Only say what would change.");

    private static IReadOnlyList<ApiParameter> Whose =>
    [
        new("userId", "string", "What was done for this person."), new("ownerUserId", "string", "The same as userId."), new("sessionId", "string", "What was done in this session."),
        new("agentId", "string", "What this application did."), new("applicationId", "string", "The same as agentId."),
    ];

    private static IReadOnlyList<ApiParameter> Which =>
    [
        Limit, new("hours", "integer", "How far back, 1 to 720 hours; 24 when not given."), new("type", "string", "Only events of this type."), new("applicationId", "string", "Only events of this application."),
        new("status", "string", "Only events with this outcome."), new("userId", "string", "Only events for or by this person."), new("integrationId", "string", "Only events of this integration."),
        new("until", "string", "Only events up to this moment, ISO 8601."),
    ];

    private static IReadOnlyList<ApiOperation> Records =>
    [
        new("GET", "/traces", "Traces", "Traces of the last 31 days, those with the newest event first")
        {
            Answer = Json.Default.TraceListBody, Query =
            [
                Limit, Cursor, new("offset", "integer", "How many to pass over, 0 to 10000, instead of a cursor."), new("until", "string", "Only traces with an event up to this moment, ISO 8601: lookedBackTo of an answer goes on where its pages end."), .. Whose,
            ],
        },
        new("GET", "/traces/stats", "Traces", "Figures of a period, in whole hours")
        {
            Answer = Json.Default.TraceStatisticsBody, Query = [new("period", "string", "How far back; 1d when not given.", ["1d", "24h", "7d", "30d"]), new("userId", "string", "What was done for this person.")],
        },
        new("GET", "/traces/{traceId}", "Traces", "A trace with its events, at most 2,000; more says that there are others") { Answer = Json.Default.TraceEnvelope },
        new("GET", "/audit/events", "Audit", "Entries of the audit trail, newest first: one's own, or all for those who see everything") { Answer = Json.Default.AuditEventListBody, Query = Which },
        new("GET", "/mcp-events", "Audit", "What agents called and obtained for the calling person, newest first") { Answer = Json.Default.AuditEventListBody, Query = Which },
        new("GET", "/audit/verification", "Audit", "Checks hashes, checkpoints and signatures of the last days as they are stored", Who.Privileged)
        {
            Answer = Json.Default.AuditVerificationBody, Query = [new("days", "integer", "How many UTC days, today among them: 1 to 7.")],
        },
        new("GET", "/audit/export", "Audit", "The trail of some days as JSON Lines, to be verified elsewhere", Who.Privileged)
        {
            MediaType = "application/x-ndjson", Query = [new("from", "string", "The first UTC day, such as 2026-01-31."), new("to", "string", "The last, at most 30 days later.")],
        },
        new("POST", "/revocations", "Revocations", "Cut off a session, connection, application, person, integration or all agents; says what is dead, what expires when and what could not be killed", Who.Privileged)
        {
            Body = Json.Default.NewRevocation, Answer = Json.Default.RevocationEnvelope, Status = 201,
        },
        new("GET", "/revocations", "Revocations", "Cut-offs, newest first", Who.Privileged) { Answer = Json.Default.RevocationListBody, Query = [Limit, Cursor] },
        new("GET", "/revocations/{id}", "Revocations", "What a cut-off came to", Who.Privileged) { Answer = Json.Default.RevocationEnvelope },
        new("POST", "/revocations/{id}/continue", "Revocations", "Go on with a cut-off that is incomplete", Who.Privileged) { Answer = Json.Default.RevocationEnvelope },
        new("POST", "/revocations/{id}/reinstate", "Revocations", "Undo a cut-off of an application, person, integration or of all agents", Who.Privileged) { Answer = Json.Default.RevocationEnvelope },
    ];

    private static IReadOnlyList<ApiOperation> Operating =>
    [
        new("GET", "/signing-keys", "Operation", "Keys that sign tokens, checkpoints and exports", Who.Privileged) { Answer = Json.Default.SigningKeyListBody },
        new("POST", "/signing-keys/rotate", "Operation", "Put the next key into use, or revoke one", Who.Privileged) { Body = Json.Default.SigningKeyRotationInput, BodyOptional = true, Answer = Json.Default.SigningKeyListBody },
        new("GET", "/data-key", "Operation", "The key that the organization's credentials are encrypted under", Who.Privileged) { Answer = Json.Default.DataKeyBody },
        new("POST", "/data-key/rotate", "Operation", "Put a new data key into use; what the one before encrypted is encrypted anew", Who.Privileged) { Answer = Json.Default.DataKeyBody },
        new("GET", "/capability-requests", "Capability requests", "What agents asked for and do not have", Who.Privileged)
        {
            Answer = Json.Default.CapabilityRequestListBody, Query = [new("status", "string", "Requests in this state.", ["open", "granted", "declined"])],
        },
        new("POST", "/capability-requests/{id}/resolve", "Capability requests", "Grant or decline a request; granting provides nothing by itself", Who.Privileged) { Body = Json.Default.CapabilityResolution, Answer = Json.Default.CapabilityRequestEnvelope },
        new("POST", "/webhooks", "Webhooks", "Create a webhook; its secret is in this answer only", Who.Privileged) { Body = Json.Default.NewWebhook, Answer = Json.Default.WebhookEnvelope, Status = 201 },
        new("GET", "/webhooks", "Webhooks", "List webhooks, and the events there are", Who.Privileged) { Answer = Json.Default.WebhookListBody },
        new("GET", "/webhooks/{id}", "Webhooks", "Read a webhook", Who.Privileged) { Answer = Json.Default.WebhookEnvelope },
        new("PATCH", "/webhooks/{id}", "Webhooks", "Change a webhook, or switch it off or on", Who.Privileged) { Body = Json.Default.WebhookChange, Answer = Json.Default.WebhookEnvelope },
        new("POST", "/webhooks/{id}/rotate-secret", "Webhooks", "A new secret; the one before signs for a while longer", Who.Privileged) { Body = Json.Default.SecretRotationInput, BodyOptional = true, Answer = Json.Default.WebhookEnvelope },
        new("DELETE", "/webhooks/{id}", "Webhooks", "Delete a webhook", Who.Privileged) { Status = 204 },
        new("GET", "/webhooks/{id}/deliveries", "Webhooks", "What was sent, newest first", Who.Privileged) { Answer = Json.Default.WebhookDeliveryListBody, Query = [Limit, Cursor] },
        new("POST", "/webhooks/{id}/deliveries/{delivery}/retry", "Webhooks", "Send a delivery again", Who.Privileged) { Answer = Json.Default.WebhookDeliveryEnvelope, Status = 202 },
        new("POST", "/webhooks/{id}/test", "Webhooks", "Send a test event", Who.Privileged) { Answer = Json.Default.WebhookDeliveryEnvelope, Status = 202 },
        new("GET", "/work/failed", "Operation", "Background work that failed as often as it is tried", Who.Privileged) { Answer = Json.Default.FailedWorkListBody },
        new("POST", "/work/failed/{id}/replay", "Operation", "Try failed work again", Who.Privileged) { Status = 204 },
        new("DELETE", "/work/failed/{id}", "Operation", "Dismiss failed work", Who.Privileged) { Status = 204 },
    ];
}
