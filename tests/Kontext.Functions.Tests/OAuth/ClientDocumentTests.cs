using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>Clients whose id is the URL of a document, from the document to the gateway (draft-ietf-oauth-client-id-metadata-document-01).</summary>
[Collection(DocumentClients.Name)]
public sealed class ClientDocumentTests(DocumentClientFixture fixture)
{
    private readonly TestAgent agent = fixture.Agent;

    [Fact]
    public async Task A_client_known_by_its_document_gets_tokens_that_work_refresh_and_end()
    {
        var client = Published();
        using var browser = new FormBrowser();
        var tokens = await agent.AuthorizeAsync(browser, client, "alice", agent.Gateway);
        Assert.Equal(HttpStatusCode.OK, tokens.Status);
        Assert.Equal(client, (string?)Jwt.Payload(tokens["access_token"]!)["client_id"]);
        Assert.Equal(HttpStatusCode.OK, (await agent.McpAsync(tokens["access_token"]!, "tools/list")).Status);

        var refreshed = await agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = client, ["refresh_token"] = tokens["refresh_token"]! });
        Assert.Equal(HttpStatusCode.OK, refreshed.Status);
        using var revoked = await fixture.Server.Http.PostAsync(new Uri("/oauth2/revoke", UriKind.Relative), new FormUrlEncodedContent(new Dictionary<string, string> { ["client_id"] = client, ["token"] = refreshed["access_token"]! }));
        Assert.Equal(HttpStatusCode.OK, revoked.StatusCode);
        Assert.Equal("invalid_grant", (await agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = client, ["refresh_token"] = refreshed["refresh_token"]! }))["error"]);
    }

    [Fact]
    public async Task A_document_can_demand_bound_tokens()
    {
        var url = fixture.Host.NewAddress();
        var document = DocumentHost.Document(url);
        document["dpop_bound_access_tokens"] = true;
        fixture.Host.Publish(url, document);
        using var key = new DPoPKey();
        using var careful = new DPoPAgent(fixture.Server.Url, key);
        Assert.Equal("invalid_dpop_proof", (await careful.AuthorizeAsync(url, "alice", agent.Gateway, proofs: []))["error"]);
        Assert.Equal("DPoP", (await careful.AuthorizeAsync(url, "alice", agent.Gateway))["token_type"]);
    }

    [Fact]
    public async Task The_consent_page_names_the_host_of_the_document_and_where_it_returns_to()
    {
        using var browser = new FormBrowser();
        var page = await browser.OpenAsync(agent.AuthorizeUrl(Published()).Url);
        page = await browser.SubmitAsync(page, "Sign in", new Dictionary<string, string> { ["username"] = "alice" });
        Assert.Contains("Documented agent", page.Text, StringComparison.Ordinal);
        Assert.Contains("known by the document it publishes at localhost", page.Text, StringComparison.Ordinal);
        Assert.Contains("127.0.0.1", page.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_servers_metadata_says_that_such_clients_may_come()
    {
        var answer = await TestAgent.CallAsync(fixture.Server.Url, HttpMethod.Get, "/.well-known/oauth-authorization-server", null);
        Assert.True((bool)answer.Json!["client_id_metadata_document_supported"]!);
        Assert.Contains("private_key_jwt", answer.Json["token_endpoint_auth_methods_supported"]!.AsArray().Select(method => (string?)method));
        Assert.Equal(["ES256", "RS256", "PS256"], answer.Json["token_endpoint_auth_signing_alg_values_supported"]!.AsArray().Select(name => (string?)name));
    }

    [Theory]
    [InlineData("client_id", "\"https://localhost/another.json\"", "names another client_id")]
    [InlineData("client_id", "null", "names another client_id")]
    [InlineData("client_name", "null", "has no client_name")]
    [InlineData("redirect_uris", "null", "has no redirect_uris")]
    [InlineData("redirect_uris", "[]", "has no redirect_uris")]
    [InlineData("redirect_uris", "[\"http://agent.example/cb\"]", "has no redirect_uris")]
    [InlineData("client_secret", "\"hunter2hunter2\"", "holds a client secret")]
    [InlineData("client_secret_expires_at", "0", "holds a client secret")]
    [InlineData("token_endpoint_auth_method", "\"client_secret_basic\"", "other than none and private_key_jwt")]
    [InlineData("token_endpoint_auth_method", "\"client_secret_post\"", "other than none and private_key_jwt")]
    [InlineData("token_endpoint_auth_method", "\"client_secret_jwt\"", "other than none and private_key_jwt")]
    [InlineData("token_endpoint_auth_method", "\"private_key_jwt\"", "jwks or jwks_uri")]
    [InlineData("dpop_bound_access_tokens", "\"yes\"", "neither true nor false")]
    [InlineData("padding", "5000", "is larger than")]
    public async Task A_document_that_is_wrong_is_shown_to_the_person_and_nothing_is_redirected(string member, string value, string said)
    {
        var url = fixture.Host.NewAddress();
        var document = DocumentHost.Document(url);
        document[member] = member == "padding" ? new string('x', 5000) : JsonNode.Parse(value);
        fixture.Host.Publish(url, document);
        await RefusedAsync(url, said);
    }

    [Theory]
    [InlineData("{", "application/json", 200, "is not valid JSON")]
    [InlineData("{\"client_id\":\"\\ud800\"}", "application/json", 200, "is not valid JSON")]
    [InlineData("[]", "application/json", 200, "is not a JSON object")]
    [InlineData("{}", "text/html", 200, "is not served as application/json")]
    [InlineData("{}", "application/json", 404, "status 404")]
    [InlineData("{}", "application/json", 500, "status 500")]
    [InlineData("{}", "application/json", 203, "status 203")]
    public async Task An_answer_that_is_no_document_is_refused(string body, string contentType, int status, string said)
    {
        var url = fixture.Host.NewAddress();
        fixture.Host.Publish(url, body, contentType, status);
        await RefusedAsync(url, said);
    }

    [Fact]
    public async Task A_document_with_a_shared_or_private_key_is_refused()
    {
        foreach (var key in (string[])["""{"kty":"oct","k":"c2VjcmV0"}""", """{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}"""])
        {
            var url = fixture.Host.NewAddress();
            var document = DocumentHost.Document(url);
            document["token_endpoint_auth_method"] = "private_key_jwt";
            document["jwks"] = JsonNode.Parse($$"""{"keys":[{{key}}]}""");
            fixture.Host.Publish(url, document);
            await RefusedAsync(url, "private or shared key");
        }
    }

    [Fact]
    public async Task A_redirect_of_the_document_is_not_followed()
    {
        var target = Published();
        var url = fixture.Host.NewAddress();
        fixture.Host.Redirect(url, target);
        await RefusedAsync(url, "status 302");
        Assert.Equal(0, fixture.Host.Hits(target));
    }

    [Fact]
    public async Task A_redirect_uri_that_the_document_does_not_name_is_never_redirected_to()
    {
        var client = Published();
        await RefusedAsync(client, "redirect_uri does not match", new Dictionary<string, string> { ["redirect_uri"] = "https://evil.example/callback" });
    }

    [Theory]
    [InlineData("https://10.0.0.1/client.json")]
    [InlineData("https://169.254.169.254/latest/meta-data")]
    [InlineData("https://[fd00::1]/client.json")]
    public async Task A_document_at_a_private_address_is_not_fetched(string url) => await RefusedAsync(url, "cannot be fetched");

    [Theory]
    [InlineData("https://localhost/a/../client.json")]
    [InlineData("https://user@localhost/client.json")]
    [InlineData("https://localhost/client.json#fragment")]
    [InlineData("https://localhost")]
    public async Task A_client_id_that_is_no_proper_URL_is_refused(string url) => await RefusedAsync(url, "has to be an https address");

    [Fact]
    public async Task What_could_not_be_used_is_asked_for_again_and_what_could_is_kept()
    {
        var url = fixture.Host.NewAddress();
        await RefusedAsync(url, "status 404");
        fixture.Host.Publish(url, DocumentHost.Document(url));
        using var browser = new FormBrowser();
        Assert.Equal(HttpStatusCode.OK, (await agent.AuthorizeAsync(browser, url, "alice", agent.Gateway)).Status);
        Assert.Equal(2, fixture.Host.Hits(url));
    }

    [Fact]
    public async Task Nobody_gets_tokens_for_a_client_that_was_never_approved()
    {
        var answer = await agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = Published(), ["refresh_token"] = "none" });
        Assert.Equal((HttpStatusCode.Unauthorized, "invalid_client"), (answer.Status, answer["error"]));
    }

    [Fact]
    public async Task Such_a_client_may_not_ask_to_manage()
    {
        using var browser = new FormBrowser();
        var page = await browser.OpenAsync(agent.AuthorizeUrl(Published(), scope: "management:all").Url, _ => true);
        Assert.Contains("error=invalid_scope", page.Location!.Query, StringComparison.Ordinal);
    }

    private string Published()
    {
        var url = fixture.Host.NewAddress();
        fixture.Host.Publish(url, DocumentHost.Document(url));
        return url;
    }

    private async Task RefusedAsync(string client, string said, IReadOnlyDictionary<string, string>? more = null)
    {
        using var browser = new FormBrowser();
        var page = await browser.OpenAsync(agent.AuthorizeUrl(client, more: more).Url, _ => true);
        Assert.Equal(HttpStatusCode.BadRequest, page.Status);
        Assert.Null(page.Location);
        Assert.Contains(said, page.Text, StringComparison.Ordinal);
    }
}
