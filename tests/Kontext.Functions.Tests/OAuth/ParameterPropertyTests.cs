using System.Net;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;
using Microsoft.AspNetCore.WebUtilities;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>Generated requests over the parameters of the authorization and token endpoints: whatever is sent, nobody gets a 500, a token that belongs to another, or a redirect to where nothing is registered. A failure prints the request.</summary>
public sealed class ParameterPropertyTests(KontextFixture kontext)
{
    private const string Exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    private static readonly string[] Hostile =
        ["", " ", "null", "x", "\0", "%00", "\r\nLocation: https://evil.example", "<script>", "../..", "\ud83d\udd11", "ａｌｉｃｅ", new('a', 3000), "https://evil.example/callback", "javascript:alert(1)", "-1", "9999999999999999999", "[]", "{}"];

    private readonly TestAgent agent = kontext.Agent;

    [Fact]
    public async Task No_authorization_request_breaks_the_server_or_leaves_for_an_unregistered_place()
    {
        var client = await Clients.RegisterAsync(kontext, "Generated");
        var other = await Clients.RegisterAsync(kontext, "Another");
        using var browser = new FormBrowser();
        await agent.AuthorizeAsync(browser, client, "gina", agent.Gateway);
        var pools = new Dictionary<string, string[]>
        {
            ["response_type"] = ["code", "code", "code", "token", "code token", "none"],
            ["client_id"] = [client, other, "app_00000000-0000-0000-0000-000000000000", "https://agent.example/client.json"],
            ["redirect_uri"] = [TestAgent.RedirectUri, TestAgent.RedirectUri, "http://127.0.0.1:9/callback", "http://127.0.0.1:53123/callback/", "http://localhost:53123/callback", "http://127.0.0.1.evil.example:53123/callback", "http://evil.example@127.0.0.1:53123/callback", "http://127.0.0.1:53123/callback?x=1", "http://127.0.0.1:53123/callback#f"],
            ["code_challenge"] = ["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "short"],
            ["code_challenge_method"] = ["S256", "S256", "S256", "plain"],
            ["scope"] = ["mcp:invoke", "openid", "openid profile email offline_access", "management:all", "gateway:access", "root"],
            ["resource"] = [agent.Gateway, agent.Gateway, agent.Api, agent.Gateway + "/none", "https://evil.example/mcp", "mcp-gateway", agent.Gateway + "#x"],
            ["state"] = ["s", "a b&c=d"],
            ["prompt"] = ["consent", "login", "none", "none login", "select_account"],
            ["max_age"] = ["0", "3600", "-1"],
            ["nonce"] = ["n"],
            ["login_hint"] = ["gina"],
            ["request"] = ["eyJhbGciOiJub25lIn0.e30."],
            ["request_uri"] = ["urn:x"],
            ["response_mode"] = ["query", "fragment", "form_post"],
        };
        var outcomes = new Dictionary<string, int>();
        foreach (var request in Requests(pools, required: 5).Sample(400))
        {
            var url = new Uri(kontext.Server.Url, "/oauth2/auth?" + Encode(request));
            var page = await browser.OpenAsync(url, Foreign);
            Assert.True((int)page.Status < 500, $"{(int)page.Status}: {url}");
            if (page.Location is { } location)
                Assert.True(Registered(location), $"Left for {location}: {url}");
            else if (page.Document.QuerySelector("button[value=approve]") is not null)
            {
                page = await browser.SubmitAsync(page, "Allow", null, Foreign);
                Assert.True(page.Location is { } allowed && Registered(allowed), $"Allowing left for {page.Location}: {url}");
            }
            var outcome = page.Location is null ? ((int)page.Status).ToString(System.Globalization.CultureInfo.InvariantCulture) : QueryHelpers.ParseQuery(page.Location.Query).ContainsKey("code") ? "code" : "error";
            outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + 1;
        }
        // The generator reaches all kinds of ends, or the test would prove little.
        Assert.True(outcomes.Keys.ToHashSet().IsSupersetOf(["code", "error", "400"]), string.Join(", ", outcomes));

        bool Foreign(Uri target) => target.Authority != kontext.Server.Url.Authority;
    }

    [Fact]
    public async Task No_token_request_breaks_the_server_or_gives_a_token_to_another_client_or_person()
    {
        var gina = await GrantAsync("gina");
        var hugo = await GrantAsync("hugo");
        var (_, confidential) = await kontext.ApplicationAsync("confidential");
        var (id, secret) = ((string)confidential.Json!["oauth"]!["clientId"]!, (string)confidential.Json["oauth"]!["clientSecret"]!);
        // Whom each thing that can be presented belongs to.
        var owners = new Dictionary<string, Grant> { [gina.Refresh] = gina, [hugo.Refresh] = hugo, [gina.Code] = gina, [hugo.Code] = hugo };
        var pools = new Dictionary<string, string[]>
        {
            ["grant_type"] = ["refresh_token", "authorization_code", Exchange, Exchange, Exchange, "client_credentials", "password", "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:device_code"],
            ["client_id"] = [gina.Client, gina.Client, hugo.Client, id, "app_00000000-0000-0000-0000-000000000000"],
            ["refresh_token"] = [gina.Refresh, gina.Refresh, hugo.Refresh, gina.Access, gina.Code],
            ["resource"] = ["mcp-gateway", "mcp-gateway", agent.Gateway, agent.Api, "nothing", "https://evil.example/"],
            ["client_secret"] = [secret, "wrong"],
            ["subject_token"] = [gina.Access, gina.Access, hugo.Access, gina.Refresh, gina.Id, "eyJhbGciOiJub25lIn0.e30."],
            ["subject_token_type"] = ["urn:ietf:params:oauth:token-type:access_token", "urn:ietf:params:oauth:token-type:access_token", "urn:kontext:user-id", "urn:kontext:confidential-client", "urn:ietf:params:oauth:token-type:id_token", "urn:ietf:params:oauth:token-type:refresh_token"],
            ["code"] = [gina.Code, hugo.Code, gina.Refresh],
            ["redirect_uri"] = [TestAgent.RedirectUri, "https://evil.example/callback"],
            ["code_verifier"] = [gina.Verifier, hugo.Verifier, "short"],
            ["scope"] = ["mcp:invoke", "gateway:access", "management:all", "openid", "root"],
            ["audience"] = [agent.Api, agent.Gateway],
            ["requested_token_type"] = ["urn:ietf:params:oauth:token-type:access_token", "urn:ietf:params:oauth:token-type:refresh_token"],
            ["actor_token"] = [hugo.Access],
            ["actor_token_type"] = ["urn:ietf:params:oauth:token-type:access_token"],
        };
        var granted = 0;
        foreach (var request in Requests(pools, required: 4).Sample(1000))
        {
            using var content = new StringContent(Encode(request), System.Text.Encoding.UTF8, "application/x-www-form-urlencoded");
            using var answer = await kontext.Server.Http.PostAsync(new Uri("/oauth2/token", UriKind.Relative), content);
            var text = await answer.Content.ReadAsStringAsync();
            Assert.True((int)answer.StatusCode < 500, $"{(int)answer.StatusCode} {text}: {Encode(request)}");
            Assert.True(answer.Headers.CacheControl?.NoStore, $"It may be cached: {Encode(request)}");
            if (answer.StatusCode != HttpStatusCode.OK)
            {
                Assert.False(string.IsNullOrEmpty((string?)JsonNode.Parse(text)!["error"]), $"{text}: {Encode(request)}");
                continue;
            }
            granted++;
            var sent = request.DistinctBy(field => field.Key).ToDictionary(field => field.Key, field => field.Value);
            var claims = Jwt.Payload((string)JsonNode.Parse(text)!["access_token"]!);
            Assert.True((string?)claims["client_id"] == sent["client_id"], $"A token for {claims["client_id"]}: {Encode(request)}");
            var presented = sent["grant_type"] switch { "refresh_token" => sent["refresh_token"], "authorization_code" => sent["code"], _ => sent.GetValueOrDefault("subject_token") };
            var person = presented is null ? null : owners.TryGetValue(presented, out var owner) ? owner.Person : (string?)Jwt.Payload(presented)["sub"];
            Assert.True(person is not null && (string?)claims["sub"] == person, $"A token of {claims["sub"]}: {Encode(request)}");
        }
        Assert.True(granted > 0, "No generated request was granted: the generator proves little.");
    }

    /// <summary>The first parameters are mostly there, the others mostly not; what is there is mostly the pool's first, sometimes another, something hostile, or the same twice.</summary>
    private static Gen<IReadOnlyList<KeyValuePair<string, string>>> Requests(IReadOnlyDictionary<string, string[]> pools, int required) =>
        pools.Select((pool, index) => index < required ? Field(pool.Key, pool.Value, weight: 60, rare: 2) : Field(pool.Key, pool.Value, weight: 4, rare: 30)).Aggregate(
            Gen.Constant<IReadOnlyList<KeyValuePair<string, string>>>([]),
            (all, next) => from earlier in all from field in next select (IReadOnlyList<KeyValuePair<string, string>>)[.. earlier, .. field]);

    private static Gen<KeyValuePair<string, string>[]> Field(string name, string[] pool, int weight, int rare)
    {
        var good = Gen.Constant(new KeyValuePair<string, string>[] { new(name, pool[0]) });
        var usual = Gen.Elements(pool).Select(value => new KeyValuePair<string, string>[] { new(name, value) });
        var hostile = Gen.Elements(Hostile).Select(value => new KeyValuePair<string, string>[] { new(name, value) });
        var twice = from first in Gen.Elements(pool) from second in Gen.Elements(pool) select new KeyValuePair<string, string>[] { new(name, first), new(name, second) };
        return Gen.Frequency((weight, good), (weight / 4, usual), (1, hostile), (1, twice), (rare, Gen.Constant(Array.Empty<KeyValuePair<string, string>>())));
    }

    private static string Encode(IEnumerable<KeyValuePair<string, string>> fields) =>
        string.Join('&', fields.Select(field => $"{Uri.EscapeDataString(field.Key)}={Uri.EscapeDataString(field.Value)}"));

    // RFC 8252 section 7.3: any port of the loopback address that was registered, everything else as registered.
    private static bool Registered(Uri location) => location is { Scheme: "http", Host: "127.0.0.1", AbsolutePath: "/callback", Fragment: "", UserInfo: "" };

    private sealed record Grant(string Client, string Person, string Access, string Refresh, string Id, string Code, string Verifier);

    private async Task<Grant> GrantAsync(string person)
    {
        var client = await Clients.RegisterAsync(kontext, $"Agent of {person}");
        using var browser = new FormBrowser();
        var tokens = await agent.AuthorizeAsync(browser, client, person, agent.Gateway, "openid mcp:invoke gateway:access");
        var (url, verifier) = agent.AuthorizeUrl(client, agent.Gateway, "openid mcp:invoke");
        var returned = await TestAgent.DecideAsync(browser, url, person);
        return new Grant(client, (string)Jwt.Payload(tokens["access_token"]!)["sub"]!, tokens["access_token"]!, tokens["refresh_token"]!, tokens["id_token"]!, returned["code"], verifier);
    }
}
