using System.Net;
using Kontext.Functions.Tests.Triggers;
using Kontext.Testing;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Kontext.Functions.Tests.Surface;

/// <summary>A wrong method is told from a wrong address, in the words of the address's surface.</summary>
public sealed class WrongMethodTests(KontextFixture kontext)
{
    [Theory]
    [InlineData("GET", "/oauth2/token", "POST")]
    [InlineData("PUT", "/oauth2/auth", "GET, POST")]
    [InlineData("DELETE", "/login", "GET, POST")]
    [InlineData("POST", "/.well-known/jwks.json", "GET")]
    [InlineData("PUT", "/api/v1/applications", "GET, POST")]
    [InlineData("POST", "/api/v1/policy/settings", "GET, PATCH")]
    [InlineData("POST", "/version", "GET, HEAD")]
    public async Task A_wrong_method_is_told_which_methods_there_are(string method, string path, string allow)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(kontext.Server.Url, path));
        using var answer = await http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.MethodNotAllowed, allow), (answer.StatusCode, string.Join(", ", answer.Content.Headers.Allow)));
    }

    [Fact]
    public async Task Every_route_says_its_methods_but_those_that_take_what_no_other_does()
    {
        await using var app = new HandlerApp();
        var any = app.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.Metadata.GetMetadata<IHttpMethodMetadata>() is not { HttpMethods.Count: > 0 })
            .Select(endpoint => endpoint.RoutePattern.RawText!).Order(StringComparer.Ordinal);
        Assert.Equal(["/api/organizations/{**path}", "/api/v1/{**path}", "/partner/{**path}", "/proxy/{integration}/{**path}"], any);
    }

    // Of such a one that cannot be parsed, generated handlers say nothing but 400.
    [Fact]
    public async Task No_route_takes_an_optional_parameter_that_has_to_be_parsed()
    {
        await using var app = new HandlerApp();
        var parameters = app.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .SelectMany(endpoint => endpoint.Metadata.OfType<IParameterBindingMetadata>().Select(parameter => (endpoint.RoutePattern.RawText, Parameter: parameter))).ToList();
        Assert.NotEmpty(parameters);
        Assert.DoesNotContain(parameters, found => found.Parameter is { HasTryParse: true, IsOptional: true });
    }

    [Fact]
    public async Task The_error_has_the_format_of_its_surface()
    {
        var token = await TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Get, "/oauth2/token", token: null);
        Assert.Equal("invalid_request", token["error"]);
        var api = await kontext.Agent.ApiAsync(HttpMethod.Put, "/applications", kontext.OwnerToken);
        Assert.Equal((405, "kontext_validation_error"), ((int)api.Json!["statusCode"]!, api["code"]));
    }

    [Fact]
    public async Task An_id_that_is_none_is_not_found_instead_of_a_wrong_method() =>
        Assert.Equal("kontext_not_found", (await kontext.Agent.ApiAsync(HttpMethod.Post, "/work/failed/x/replay", kontext.OwnerToken))["code"]);

    [Fact]
    public async Task An_unknown_address_of_the_API_is_not_found() =>
        Assert.Equal("kontext_not_found", (await kontext.Agent.ApiAsync(HttpMethod.Get, "/nothing", kontext.OwnerToken))["code"]);
}
