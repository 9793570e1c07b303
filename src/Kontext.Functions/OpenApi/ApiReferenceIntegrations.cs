using static Kontext.Functions.OpenApi.ApiParameter;
using Json = Kontext.Functions.Api.ApiJson;

namespace Kontext.Functions.OpenApi;

/// <summary>The reference of integrations, connections and providers.</summary>
internal static partial class ApiReference
{
    private static ApiParameter Words => new("q", "string", "Words that all have to occur, at most 200 characters.");

    private static IReadOnlyList<ApiOperation> Integrations =>
    [
        new("POST", "/integrations", "Integrations", "Create an integration", Who.Privileged) { Body = Json.Default.IntegrationInput, Answer = Json.Default.IntegrationEnvelope, Status = 201 },
        new("GET", "/integrations", "Integrations", "List integrations") { Answer = Json.Default.IntegrationListBody, Query = [Limit, Cursor] },
        new("GET", "/integrations/{id}", "Integrations", "Read an integration") { Answer = Json.Default.IntegrationEnvelope },
        new("PATCH", "/integrations/{id}", "Integrations", "Change an integration; another authMode ends everybody's connections", Who.Privileged) { Body = Json.Default.IntegrationInput, Answer = Json.Default.IntegrationEnvelope },
        new("DELETE", "/integrations/{id}", "Integrations", "Archive an integration; everybody's connections end", Who.Privileged) { Status = 204 },
        new("POST", "/integrations/{id}/validate", "Integrations", "Ask the service whether it answers, and what it offers", Who.Privileged) { Answer = Json.Default.ValidationBody },
        new("GET", "/integrations/{id}/oauth", "Integrations", "Read OAuth settings") { Answer = Json.Default.IntegrationOAuthEnvelope },
        new("PUT", "/integrations/{id}/oauth", "Integrations", "Set the integration's own OAuth client or endpoints", Who.Privileged) { Body = Json.Default.IntegrationOAuthInput, Answer = Json.Default.IntegrationOAuthEnvelope },
        new("DELETE", "/integrations/{id}/oauth", "Integrations", "Remove the integration's own OAuth client", Who.Privileged) { Status = 204 },
        new("GET", "/integrations/{id}/tools", "Integrations", "Its tools as they were accepted, and those that changed since", Who.Privileged) { Answer = Json.Default.PinnedToolListBody },
        new("POST", "/integrations/{id}/tools/accept", "Integrations", "Accept a tool's changed description", Who.Privileged) { Body = Json.Default.ToolAcceptance, Answer = Json.Default.PinnedToolEnvelope },
        new("POST", "/integrations/{id}/connection", "Connections", "Connect the calling person with a token or credentials", Who.Person) { Body = Json.Default.NewConnection, Answer = Json.Default.ConnectionEnvelope },
        new("GET", "/integrations/{id}/connection", "Connections", "The calling person's connection; with a link to connect when there is none", Who.Person) { Answer = Json.Default.ConnectionEnvelope },
        new("DELETE", "/integrations/{id}/connection", "Connections", "Disconnect the calling person; Prefer: return=representation gives a report with status 200", Who.Person) { Status = 204, OtherAnswer = Json.Default.RemovedConnectionBody },
        new("POST", "/integrations/{id}/connection/validate", "Connections", "Ask the provider whether the calling person's credential is good", Who.Person) { Answer = Json.Default.ConnectionValidationBody },
        new("GET", "/integrations/{id}/connections", "Connections", "Everybody's connections to an integration", Who.Privileged) { Answer = Json.Default.PersonConnectionListBody, Query = [Limit, Cursor] },
        new("DELETE", "/integrations/{id}/connections/{user}", "Connections", "Disconnect a person", Who.Privileged) { Answer = Json.Default.RemovedConnectionBody },
    ];

    private static IReadOnlyList<ApiOperation> Providers =>
    [
        new("GET", "/provider-catalog", "Providers", "Providers Kontext knows by itself", Who.Privileged) { Answer = Json.Default.CatalogProviderListBody, Query = [Words] },
        new("GET", "/provider-catalog/{key}", "Providers", "Read a catalog entry", Who.Privileged) { Answer = Json.Default.CatalogProviderEnvelope },
        new("GET", "/provider-catalog/{key}/scopes", "Providers", "Scopes of a catalog entry", Who.Privileged) { Answer = Json.Default.CatalogScopeListBody, Query = [Words] },
        new("GET", "/providers", "Providers", "Integrations as providers; with q, a search in the catalog") { Answer = Json.Default.ConfiguredProviderListBody, OtherAnswer = Json.Default.CatalogProviderListBody, Query = [Limit, Cursor, Words] },
        new("POST", "/providers", "Providers", "Set up a provider from the catalog (preset) or another (custom)", Who.Privileged) { Body = Json.Default.NewConfiguredProvider, Answer = Json.Default.ConfiguredProviderEnvelope, Status = 201 },
        new("GET", "/providers/{id}", "Providers", "Read a provider; by a catalog key, the catalog entry") { Answer = Json.Default.ConfiguredProviderEnvelope, OtherAnswer = Json.Default.CatalogProviderEnvelope },
        new("PATCH", "/providers/{id}", "Providers", "Change a provider", Who.Privileged) { Body = Json.Default.ConfiguredProviderChange, Answer = Json.Default.ConfiguredProviderEnvelope },
        new("GET", "/providers/{key}/scopes", "Providers", "Scopes of a catalog entry", Who.Privileged) { Answer = Json.Default.CatalogScopeListBody, Query = [Words] },
    ];
}
