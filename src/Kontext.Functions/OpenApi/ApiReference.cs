using static Kontext.Functions.OpenApi.ApiParameter;
using Json = Kontext.Functions.Api.ApiJson;

namespace Kontext.Functions.OpenApi;

/// <summary>Everything the reference says about the management API. A test compares it with the routes, both ways, and with what the routes answer.</summary>
internal static partial class ApiReference
{
    /// <summary>All operations.</summary>
    public static IReadOnlyList<ApiOperation> Operations { get; } = [.. Organization, .. Applications, .. Sessions, .. Integrations, .. Providers, .. ServiceAccounts, .. Policy, .. Records, .. Operating];

    private static IReadOnlyList<ApiOperation> Organization =>
    [
        new("GET", "/organization", "Organization", "The caller's organization and its settings") { Answer = Json.Default.OrganizationEnvelope },
        new("PATCH", "/organization", "Organization", "Change its name or settings", Who.Privileged) { Body = Json.Default.OrganizationChange, Answer = Json.Default.OrganizationEnvelope },
    ];

    private static IReadOnlyList<ApiOperation> Applications =>
    [
        new("POST", "/applications", "Applications", "Create an application; a confidential one's secret is in this answer only") { Body = Json.Default.NewApplication, Answer = Json.Default.CreatedApplicationBody, Status = 201 },
        new("GET", "/applications", "Applications", "List applications: one's own, or all for those who see everything")
        {
            Answer = Json.Default.ApplicationListBody, Query = [Limit, Cursor, new("all", "boolean", "Accepted for clients that send it; who sees everything gets everything.")],
        },
        new("GET", "/applications/access-graph", "Applications", "Who reaches what through which application, for all applications", Who.Privileged) { Answer = Json.Default.AccessGraphBody, Query = [Limit, Cursor] },
        new("GET", "/applications/{id}", "Applications", "Read an application") { Answer = Json.Default.ApplicationEnvelope },
        new("PATCH", "/applications/{id}", "Applications", "Change name, description or external authentication") { Body = Json.Default.ApplicationChange, Answer = Json.Default.ApplicationEnvelope },
        new("DELETE", "/applications/{id}", "Applications", "Archive: its client and all its sessions end") { Status = 204 },
        new("POST", "/applications/{id}/archive", "Applications", "Archive, for clients that send it this way") { Status = 204 },
        new("POST", "/applications/{id}/rotate-secret", "Applications", "A new client secret; the one before ends at once, or after an overlap") { Body = Json.Default.SecretRotationInput, BodyOptional = true, Answer = Json.Default.OAuthEnvelope },
        new("GET", "/applications/{id}/access-graph", "Applications", "Who reaches what through this application") { Answer = Json.Default.AccessGraphBody },
        new("GET", "/applications/{id}/oauth", "Applications", "Read OAuth settings") { Answer = Json.Default.OAuthEnvelope },
        new("PATCH", "/applications/{id}/oauth", "Applications", "Change OAuth settings") { Body = Json.Default.OAuthInput, Answer = Json.Default.OAuthEnvelope },
        new("PUT", "/applications/{id}/oauth", "Applications", "Change OAuth settings, for clients that send it this way") { Body = Json.Default.OAuthInput, Answer = Json.Default.OAuthEnvelope },
        new("GET", "/applications/{id}/integrations", "Applications", "Attached integrations") { Answer = Json.Default.AttachedBody },
        new("PUT", "/applications/{id}/integrations", "Applications", "Replace the attached integrations", Who.Privileged) { Body = Json.Default.AttachedBody, Answer = Json.Default.AttachedBody },
        new("POST", "/applications/{id}/integrations/{integration}", "Applications", "Attach an integration", Who.Privileged) { Answer = Json.Default.AttachedBody },
        new("DELETE", "/applications/{id}/integrations/{integration}", "Applications", "Detach an integration") { Status = 204 },
        new("GET", "/applications/{id}/providers", "Applications", "Attached integrations, with the revision to replace them by") { Answer = Json.Default.AttachedProvidersBody },
        new("PUT", "/applications/{id}/providers", "Applications", "Replace the attached integrations if nobody else did meanwhile", Who.Privileged) { Body = Json.Default.AttachedProvidersInput, Answer = Json.Default.AttachedProvidersBody },
    ];

    private static IReadOnlyList<ApiOperation> Sessions =>
    [
        new("GET", "/applications/{id}/sessions", "Sessions", "An application's sessions, newest first")
        {
            Answer = Json.Default.SessionListBody,
            Query = [Cursor, new("limit", "integer", "How many at most, 1 to 200; 100 when not given."), new("status", "string", "Which sessions.", ["active", "inactive", "all"]), new("includeInactive", "boolean", "The same as status=all.")],
        },
        new("GET", "/applications/{id}/sessions/{session}", "Sessions", "Read a session") { Answer = Json.Default.SessionEnvelope },
        new("DELETE", "/applications/{id}/sessions", "Sessions", "Revoke all sessions of an application") { Answer = Json.Default.SessionsRevokedBody },
        new("DELETE", "/applications/{id}/sessions/{session}", "Sessions", "Revoke a session") { Status = 204 },
        new("GET", "/me/sessions", "Sessions", "The calling person's sessions, with whatever agent", Who.Person) { Answer = Json.Default.SessionListBody },
        new("DELETE", "/me/sessions", "Sessions", "End all of the calling person's sessions, this one included", Who.Person) { Answer = Json.Default.SessionsRevokedBody },
        new("DELETE", "/me/sessions/{session}", "Sessions", "End one of the calling person's sessions", Who.Person) { Status = 204 },
        new("GET", "/me/approvals", "Approvals", "Calls that wait for the calling person's approval", Who.Person) { Answer = Json.Default.ApprovalListBody },
        new("POST", "/me/approvals/{id}", "Approvals", "Approve or refuse a call", Who.Person) { Body = Json.Default.ApprovalDecisionInput, Answer = Json.Default.ApprovalEnvelope },
    ];

    private static IReadOnlyList<ApiOperation> ServiceAccounts =>
    [
        new("POST", "/service-accounts", "Service accounts", "Create a service account; its secret is in this answer only", Who.Privileged) { Body = Json.Default.NewServiceAccount, Answer = Json.Default.ServiceAccountEnvelope, Status = 201 },
        new("GET", "/service-accounts", "Service accounts", "List service accounts", Who.Privileged) { Answer = Json.Default.ServiceAccountListBody, Query = [Limit, Cursor] },
        new("GET", "/service-accounts/{id}", "Service accounts", "Read a service account", Who.Privileged) { Answer = Json.Default.ServiceAccountEnvelope },
        new("PATCH", "/service-accounts/{id}", "Service accounts", "Change a service account, or switch it off or on", Who.Privileged) { Body = Json.Default.ServiceAccountChange, Answer = Json.Default.ServiceAccountEnvelope },
        new("POST", "/service-accounts/{id}/rotate-secret", "Service accounts", "A new secret; the one before ends at once, or after an overlap", Who.Privileged) { Body = Json.Default.SecretRotationInput, BodyOptional = true, Answer = Json.Default.ServiceAccountEnvelope },
        new("DELETE", "/service-accounts/{id}", "Service accounts", "Revoke a service account for good", Who.Privileged) { Status = 204 },
    ];
}
