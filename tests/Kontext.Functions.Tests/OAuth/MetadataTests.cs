using System.Net;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>What clients discover.</summary>
public sealed class MetadataTests(KontextFixture kontext)
{
    [Theory]
    [InlineData("/.well-known/oauth-authorization-server")]
    [InlineData("/.well-known/openid-configuration")]
    public async Task The_servers_metadata_names_this_issuer_and_PKCE(string path)
    {
        var answer = await TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Get, path, null);
        var issuer = kontext.Server.Url.OriginalString.TrimEnd('/');
        Assert.Equal(issuer, answer["issuer"]);
        Assert.Equal(issuer + "/oauth2/auth", answer["authorization_endpoint"]);
        Assert.Equal("S256", (string?)answer.Json!["code_challenge_methods_supported"]![0]);
        Assert.True((bool)answer.Json["authorization_response_iss_parameter_supported"]!);
    }

    [Theory]
    [InlineData("/.well-known/oauth-protected-resource", "/mcp")]
    [InlineData("/.well-known/oauth-protected-resource/mcp", "/mcp")]
    [InlineData("/.well-known/oauth-protected-resource/mcp/github", "/mcp/github")]
    [InlineData("/.well-known/oauth-protected-resource/api/v1", "/api/v1")]
    public async Task A_protected_resource_names_its_authorization_server(string path, string resource)
    {
        var answer = await TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Get, path, null);
        var issuer = kontext.Server.Url.OriginalString.TrimEnd('/');
        Assert.Equal(issuer + resource, answer["resource"]);
        Assert.Equal(issuer, (string?)answer.Json!["authorization_servers"]![0]);
    }

    [Fact]
    public async Task Browser_based_clients_may_read_it()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri("/.well-known/oauth-authorization-server", UriKind.Relative));
        request.Headers.Add("Origin", "https://inspector.example");
        using var answer = await kontext.Server.Http.SendAsync(request);
        Assert.Equal("*", answer.Headers.GetValues("Access-Control-Allow-Origin").Single());
    }

    [Fact]
    public async Task The_authorization_endpoint_has_no_CORS()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri("/oauth2/auth?client_id=x", UriKind.Relative));
        request.Headers.Add("Origin", "https://inspector.example");
        using var answer = await kontext.Server.Http.SendAsync(request);
        Assert.False(answer.Headers.Contains("Access-Control-Allow-Origin"));
    }

    [Fact]
    public async Task The_gateway_challenges_with_its_metadata()
    {
        using var answer = await kontext.Server.Http.PostAsync(new Uri("/mcp", UriKind.Relative), new StringContent("{}", System.Text.Encoding.UTF8, "application/json"));
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        var challenge = answer.Headers.WwwAuthenticate.Single(offered => offered.Scheme == "Bearer").ToString();
        Assert.Contains($"resource_metadata=\"{kontext.Server.Url.OriginalString.TrimEnd('/')}/.well-known/oauth-protected-resource/mcp\"", challenge, StringComparison.Ordinal);
        Assert.DoesNotContain("error=", challenge, StringComparison.Ordinal);
    }
}
