using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.OpenApi;
using Kontext.Functions.Tests.Api;
using Kontext.Functions.Tests.Triggers;
using Kontext.Testing;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Kontext.Functions.Tests.Surface;

/// <summary>The OpenAPI document is true: it has the routes there are and no others, and what they answer fits what it says.</summary>
public sealed class OpenApiTests(KontextFixture kontext)
{
    [Fact]
    public async Task The_document_has_every_route_of_the_management_API_and_no_other()
    {
        await using var app = new HandlerApp();
        var routes = app.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.RoutePattern.RawText!.StartsWith("/api/v1", StringComparison.Ordinal) && !endpoint.RoutePattern.RawText.Contains("**", StringComparison.Ordinal))
            .SelectMany(endpoint => endpoint.Metadata.GetRequiredMetadata<IHttpMethodMetadata>().HttpMethods.Select(method => $"{method} {endpoint.RoutePattern.RawText!.Replace(":guid", "", StringComparison.Ordinal).TrimEnd('/')}"))
            .Order(StringComparer.Ordinal).ToList();
        var document = await DocumentAsync();
        var described = document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject().Select(operation => $"{operation.Key.ToUpperInvariant()} {path.Key}")).Order(StringComparer.Ordinal).ToList();
        Assert.True(routes.Count > 90);
        Assert.Equal(routes, described);
    }

    [Fact]
    public async Task Every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own()
    {
        var document = await DocumentAsync();
        Assert.Equal("3.1.0", (string?)document["openapi"]);
        var names = document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject()).Select(operation => (string)operation.Value!["operationId"]!).ToList();
        Assert.Equal(names.Distinct().Count(), names.Count);
        foreach (var reference in Texts(document, "$ref"))
            Assert.NotNull(OpenApiFit.Resolve(document, reference));
    }

    [Fact]
    public async Task What_is_answered_fits_what_the_document_says()
    {
        var document = await DocumentAsync();
        var (agent, token) = (kontext.Agent, kontext.OwnerToken);
        var (application, created) = await kontext.ApplicationAsync("confidential");
        OpenApiFit.Demand(document, "POST", "/applications", created);
        var integration = await kontext.IntegrationAsync("server_token", new JsonObject { ["serverToken"] = "shared" });
        var account = await agent.ApiAsync(HttpMethod.Post, "/service-accounts", token, new JsonObject { ["name"] = ApiCalls.Unique("robot") });
        OpenApiFit.Demand(document, "POST", "/service-accounts", account);
        OpenApiFit.Demand(document, "POST", "/revocations", await agent.ApiAsync(HttpMethod.Post, "/revocations", token, new JsonObject { ["type"] = "integration", ["integrationId"] = integration }));
        await agent.ApiAsync(HttpMethod.Post, $"/applications/{application}/integrations/{integration}", token);
        foreach (var (path, filled) in new (string, string)[]
        {
            ("/organization", "/organization"), ("/applications", "/applications"), ("/applications/{id}", $"/applications/{application}"), ("/applications/{id}/oauth", $"/applications/{application}/oauth"),
            ("/applications/{id}/integrations", $"/applications/{application}/integrations"), ("/applications/{id}/providers", $"/applications/{application}/providers"),
            ("/applications/{id}/sessions", $"/applications/{application}/sessions"), ("/applications/access-graph", "/applications/access-graph"), ("/applications/{id}/access-graph", $"/applications/{application}/access-graph"),
            ("/me/sessions", "/me/sessions"), ("/me/approvals", "/me/approvals"), ("/integrations", "/integrations"), ("/integrations/{id}", $"/integrations/{integration}"), ("/integrations/{id}/oauth", $"/integrations/{integration}/oauth"),
            ("/integrations/{id}/tools", $"/integrations/{integration}/tools"), ("/integrations/{id}/connection", $"/integrations/{integration}/connection"), ("/integrations/{id}/connections", $"/integrations/{integration}/connections"),
            ("/provider-catalog", "/provider-catalog"), ("/provider-catalog/{key}", "/provider-catalog/github"), ("/provider-catalog/{key}/scopes", "/provider-catalog/github/scopes"), ("/providers", "/providers"),
            ("/providers/{id}", $"/providers/{integration}"), ("/service-accounts", "/service-accounts"), ("/policy/settings", "/policy/settings"), ("/policy/rules", "/policy/rules"), ("/policy/export", "/policy/export"),
            ("/policy/access", $"/policy/access?applicationId={application}"), ("/traces", "/traces"), ("/traces/stats", "/traces/stats"), ("/audit/events", "/audit/events?limit=200"), ("/mcp-events", "/mcp-events"), ("/audit/verification", "/audit/verification"),
            ("/revocations", "/revocations"), ("/signing-keys", "/signing-keys"), ("/webhooks", "/webhooks"), ("/data-key", "/data-key"), ("/capability-requests", "/capability-requests"), ("/work/failed", "/work/failed"),
        })
            OpenApiFit.Demand(document, "GET", path, await agent.ApiAsync(HttpMethod.Get, filled, token));
        OpenApiFit.Demand(document, "GET", "/applications/{id}", await agent.ApiAsync(HttpMethod.Get, $"/applications/{Guid.NewGuid()}", token));
        OpenApiFit.Demand(document, "POST", "/applications", await agent.ApiAsync(HttpMethod.Post, "/applications", token, new JsonObject { ["wrong"] = 1 }));
    }

    [Fact]
    public async Task The_page_shows_every_operation_and_loads_nothing_from_elsewhere()
    {
        using var answer = await kontext.Server.Http.GetAsync(new Uri("/openapi", UriKind.Relative));
        var page = await answer.Content.ReadAsStringAsync();
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.All(ApiReference.Operations, operation => Assert.Contains($"{operation.Method} /api/v1{operation.Path}", WebUtility.HtmlDecode(page), StringComparison.Ordinal));
        var loaded = System.Text.RegularExpressions.Regex.Matches(page, "(?:src|href)=\"([^\"]*)\"").Select(match => match.Groups[1].Value).ToList();
        Assert.NotEmpty(loaded);
        Assert.All(loaded, address => Assert.Matches("^(?:#|/$|/[^/])", address));
        Assert.DoesNotContain("://", page.Replace("http://www.w3.org/2000/svg", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("default-src 'none'", Assert.Single(answer.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
    }

    private async Task<JsonNode> DocumentAsync() => JsonNode.Parse(await kontext.Server.Http.GetStringAsync(new Uri("/openapi/v1.json", UriKind.Relative)))!;

    private static IEnumerable<string> Texts(JsonNode? node, string name) => node switch
    {
        JsonObject members => members.SelectMany(member => member.Key == name && member.Value is JsonValue text ? [(string)text!] : Texts(member.Value, name)),
        JsonArray items => items.SelectMany(item => Texts(item, name)),
        _ => [],
    };
}
