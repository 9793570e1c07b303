using System.Net;
using System.Text.Json.Nodes;
using Kontext.Domain.OAuth;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>private_key_jwt at the token endpoint (RFC 7523 section 3): whom it lets in, and everything that it does not.</summary>
[Collection(DocumentClients.Name)]
public sealed class ClientAssertionTests(DocumentClientFixture fixture) : IDisposable
{
    private readonly TestAgent agent = fixture.Agent;
    private readonly TestKey key = new();

    private string Issuer => fixture.Server.Url.OriginalString.TrimEnd('/');

    private static DateTimeOffset In(TimeSpan span) => TimeProvider.System.GetUtcNow() + span;

    public void Dispose() => key.Dispose();

    [Theory]
    [InlineData("ES256", true)]
    [InlineData("RS256", true)]
    [InlineData("PS256", true)]
    [InlineData("ES256", false)]
    [InlineData("RS256", false)]
    public async Task An_assertion_of_the_registered_key_authenticates(string algorithm, bool withKeyId)
    {
        var client = await RegisterAsync();
        await AcceptedAsync(client, key.Sign(Good(client), algorithm, withKeyId));
    }

    [Fact]
    public async Task The_token_endpoints_address_is_an_audience_and_client_id_may_be_left_out()
    {
        var client = await RegisterAsync();
        await AcceptedAsync(clientId: null, key.Sign(Good(client, claims => claims["aud"] = Issuer + "/oauth2/token")));
        await AcceptedAsync(clientId: null, key.Sign(Good(client, claims => claims["aud"] = new JsonArray(Issuer, Issuer + "/oauth2/token"))));
    }

    public static TheoryData<string, Action<JsonObject>> Wrong => new()
    {
        { "another server's audience", claims => claims["aud"] = "https://elsewhere.example" },
        { "another server among the audiences", claims => claims["aud"] = new JsonArray((string?)claims["aud"], "https://elsewhere.example") },
        { "no audience", claims => claims.Remove("aud") },
        { "empty audience", claims => claims["aud"] = new JsonArray() },
        { "audience that is no text", claims => claims["aud"] = new JsonArray(7) },
        { "expired", claims => claims["exp"] = In(TimeSpan.FromSeconds(-1)).ToUnixTimeSeconds() },
        { "no exp", claims => claims.Remove("exp") },
        { "exp as text", claims => claims["exp"] = "4102444800" },
        { "exp too far ahead", claims => claims["exp"] = In(TimeSpan.FromMinutes(15)).ToUnixTimeSeconds() },
        { "not valid yet", claims => claims["nbf"] = In(TimeSpan.FromMinutes(5)).ToUnixTimeSeconds() },
        { "iss is not sub", claims => claims["iss"] = "https://elsewhere.example" },
        { "sub is another client", claims => claims["sub"] = TestAgent.CommandLineClient },
        { "both are another client", claims => (claims["iss"], claims["sub"]) = (TestAgent.CommandLineClient, TestAgent.CommandLineClient) },
        { "no iss", claims => claims.Remove("iss") },
        { "no jti", claims => claims.Remove("jti") },
    };

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public async Task An_assertion_with_wrong_claims_is_refused(string what, Action<JsonObject> spoil)
    {
        Assert.NotEmpty(what);
        var client = await RegisterAsync();
        await RefusedAsync(client, key.Sign(Good(client, spoil)));
    }

    [Theory]
    [InlineData("none")]
    [InlineData("None")]
    [InlineData("NONE")]
    [InlineData("HS256")]
    [InlineData("ES384")]
    public async Task An_algorithm_that_proves_nothing_is_refused(string algorithm)
    {
        var client = await RegisterAsync();
        await RefusedAsync(client, key.Sign(Good(client), algorithm));
        await RefusedAsync(client, key.Sign(Good(client), algorithm, withKeyId: false));
    }

    [Fact]
    public async Task A_replayed_assertion_is_refused()
    {
        var client = await RegisterAsync();
        var assertion = key.Sign(Good(client));
        await AcceptedAsync(client, assertion);
        await RefusedAsync(client, assertion);
    }

    [Fact]
    public async Task Of_many_uses_of_one_assertion_at_once_one_succeeds()
    {
        var client = await RegisterAsync();
        var assertion = key.Sign(Good(client));
        var answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => SendAsync(client, assertion)));
        Assert.Single(answers, answer => answer["error"] == "invalid_grant");
        Assert.Equal(15, answers.Count(answer => answer["error"] == "invalid_client"));
    }

    [Fact]
    public async Task A_foreign_key_is_refused_even_when_it_comes_along()
    {
        using var foreign = new TestKey();
        var client = await RegisterAsync();
        await RefusedAsync(client, foreign.Sign(Good(client)));
        await RefusedAsync(client, foreign.Sign(Good(client), withKeyId: false));
        var tampered = key.Sign(Good(client)).Split('.');
        await RefusedAsync(client, $"{tampered[0]}.{key.Sign(Good(client)).Split('.')[1]}.{tampered[2]}");
    }

    [Theory]
    [InlineData("")]
    [InlineData("not a jwt")]
    [InlineData("a.b.c")]
    [InlineData("e30.e30.")]
    [InlineData("W10.W10.AA")]
    public async Task What_is_no_assertion_is_refused(string text)
    {
        var client = await RegisterAsync();
        var answer = await SendAsync(client, text);
        Assert.True(answer["error"] is "invalid_client" or "invalid_request", $"{answer.Status} {answer["error"]}");
    }

    [Fact]
    public async Task One_way_of_authenticating_at_a_time()
    {
        var client = await RegisterAsync();
        var form = Form(client, key.Sign(Good(client)));
        Assert.Equal("invalid_request", (await agent.TokenAsync(form, basic: $"{client}:secret"))["error"]);
        form["client_secret"] = "secret";
        Assert.Equal("invalid_request", (await agent.TokenAsync(form))["error"]);
        form.Remove("client_secret");
        form["client_assertion_type"] = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer";
        Assert.Equal("invalid_request", (await agent.TokenAsync(form))["error"]);
    }

    [Fact]
    public async Task A_client_that_signs_gets_in_no_other_way_and_others_not_by_signing()
    {
        var client = await RegisterAsync();
        Assert.Equal("invalid_client", (await agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = client, ["refresh_token"] = "x" }))["error"]);
        Assert.Equal("invalid_client", (await agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["refresh_token"] = "x" }, basic: $"{client}:secret"))["error"]);
        await RefusedAsync(TestAgent.CommandLineClient, key.Sign(Good(TestAgent.CommandLineClient)));
    }

    [Fact]
    public async Task Keys_may_be_published_by_the_client()
    {
        using var next = new TestKey();
        var address = fixture.Host.NewAddress();
        fixture.Host.Publish(address, key.Jwks());
        var client = await RegisterAsync(new JsonObject { ["jwks_uri"] = address });
        await AcceptedAsync(client, key.Sign(Good(client)));
        await RefusedAsync(client, next.Sign(Good(client)));
    }

    [Fact]
    public async Task A_client_known_by_its_document_signs_with_the_key_in_it()
    {
        var client = fixture.Host.NewAddress();
        var document = DocumentHost.Document(client);
        document["token_endpoint_auth_method"] = "private_key_jwt";
        document["jwks"] = key.Jwks();
        fixture.Host.Publish(client, document);
        var (url, verifier) = agent.AuthorizeUrl(client, agent.Gateway);
        using var browser = new FormBrowser();
        var returned = await TestAgent.DecideAsync(browser, url, "alice");

        var form = Form(client, key.Sign(Good(client)));
        (form["grant_type"], form["code"], form["code_verifier"]) = ("authorization_code", returned["code"], verifier);
        form.Remove("refresh_token");
        var tokens = await agent.TokenAsync(form);
        Assert.Equal(HttpStatusCode.OK, tokens.Status);
        Assert.Equal(client, (string?)Jwt.Payload(tokens["access_token"]!)["client_id"]);
        Assert.Equal("invalid_client", (await agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = client, ["refresh_token"] = tokens["refresh_token"]! }))["error"]);
    }

    [Fact]
    public async Task An_administrator_gives_an_application_a_key_in_place_of_its_secret()
    {
        var token = fixture.OwnerToken;
        var created = await agent.ApiAsync(HttpMethod.Post, "/applications", token, new JsonObject { ["name"] = "Signing agent", ["oauth"] = new JsonObject { ["type"] = "confidential" } });
        var id = (string)created.Json!["application"]!["id"]!;
        var (client, secret) = ((string)created.Json["oauth"]!["clientId"]!, (string)created.Json["oauth"]!["clientSecret"]!);

        var refused = await agent.ApiAsync(HttpMethod.Patch, $"/applications/{id}/oauth", token, new JsonObject { ["tokenEndpointAuthMethod"] = "private_key_jwt" });
        Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
        var changed = await agent.ApiAsync(HttpMethod.Patch, $"/applications/{id}/oauth", token, new JsonObject { ["tokenEndpointAuthMethod"] = "private_key_jwt", ["jwks"] = key.Jwks() });
        Assert.Equal("private_key_jwt", (string?)changed.Json!["oauth"]!["tokenEndpointAuthMethod"]);
        await AcceptedAsync(client, key.Sign(Good(client)));
        Assert.Equal("invalid_client", (await agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["refresh_token"] = "x" }, basic: $"{client}:{secret}"))["error"]);
        Assert.Equal(HttpStatusCode.BadRequest, (await agent.ApiAsync(HttpMethod.Post, $"/applications/{id}/rotate-secret", token)).Status);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"jwks":{"keys":[]}}""")]
    [InlineData("""{"jwks":{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}}""")]
    [InlineData("""{"jwks_uri":"http://agent.example/jwks"}""")]
    [InlineData("""{"jwks":7}""")]
    public async Task A_registration_without_usable_keys_is_refused(string keys)
    {
        var answer = await RegistrationAsync(JsonNode.Parse(keys)!.AsObject());
        Assert.Equal((HttpStatusCode.BadRequest, "invalid_client_metadata"), (answer.Status, answer["error"]));
    }

    private JsonObject Good(string client, Action<JsonObject>? change = null)
    {
        var claims = TestKey.Claims(client, Issuer, In(TimeSpan.FromMinutes(5)));
        change?.Invoke(claims);
        return claims;
    }

    private async Task<string> RegisterAsync(JsonObject? keys = null)
    {
        var answer = await RegistrationAsync(keys ?? new JsonObject { ["jwks"] = key.Jwks() });
        Assert.Equal(HttpStatusCode.Created, answer.Status);
        Assert.Null(answer["client_secret"]);
        Assert.Equal("private_key_jwt", answer["token_endpoint_auth_method"]);
        return answer["client_id"]!;
    }

    private Task<JsonAnswer> RegistrationAsync(JsonObject keys)
    {
        keys["client_name"] = "Signing client";
        keys["redirect_uris"] = new JsonArray(TestAgent.RedirectUri);
        keys["token_endpoint_auth_method"] = "private_key_jwt";
        return TestAgent.CallAsync(fixture.Server.Url, HttpMethod.Post, "/oauth2/register", null, keys);
    }

    private static Dictionary<string, string> Form(string? clientId, string assertion)
    {
        var form = new Dictionary<string, string>
        {
            ["grant_type"] = "refresh_token", ["refresh_token"] = "not one", ["client_assertion_type"] = ClientAssertion.Type, ["client_assertion"] = assertion,
        };
        if (clientId is not null)
            form["client_id"] = clientId;
        return form;
    }

    private Task<JsonAnswer> SendAsync(string? clientId, string assertion) => agent.TokenAsync(Form(clientId, assertion));

    // The refresh token is none, so that an authenticated client hears invalid_grant.
    private async Task AcceptedAsync(string? clientId, string assertion)
    {
        var answer = await SendAsync(clientId, assertion);
        Assert.Equal((HttpStatusCode.BadRequest, "invalid_grant"), (answer.Status, answer["error"]));
    }

    private async Task RefusedAsync(string clientId, string assertion)
    {
        var answer = await SendAsync(clientId, assertion);
        Assert.Equal((HttpStatusCode.Unauthorized, "invalid_client"), (answer.Status, answer["error"]));
    }
}
