using System.Text.RegularExpressions;
using Kontext.Functions.Tests.Triggers;
using Kontext.Testing;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.DependencyInjection;

namespace Kontext.Functions.Tests.Surface;

/// <summary>What the documentation tells people to call is there: nobody looks up a runbook to be answered with 404.</summary>
public sealed partial class DocumentedCallsTests
{
    [Fact]
    public async Task Every_call_to_the_management_api_that_the_documentation_shows_has_an_endpoint()
    {
        await using var app = new HandlerApp();
        using var client = app.CreateClient();
        var endpoints = app.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>().ToList();
        var shown = Directory.EnumerateFiles(RepositoryFiles.Path("docs"), "*.md").SelectMany(file => Call().Matches(File.ReadAllText(file)).Select(call => (
            File: Path.GetFileName(file), Method: call.Groups["method"].Value, Path: call.Groups["path"].Value))).ToList();
        Assert.True(shown.Count > 50, $"Only {shown.Count} calls were found.");
        Assert.All(shown, call => Assert.Contains(endpoints, endpoint => Serves(endpoint, call.Method, "api/v1" + call.Path)));
    }

    [Theory]
    [InlineData("GET", "/applications", true)]
    [InlineData("GET", "/no-such-thing", false)]
    [InlineData("DELETE", "/signing-keys/rotate", false)]
    [InlineData("DELETE", "/integrations/$INTEGRATION/connections/$USER", true)]
    public async Task A_call_that_is_not_there_is_told_from_one_that_is(string method, string path, bool there)
    {
        await using var app = new HandlerApp();
        using var client = app.CreateClient();
        Assert.Equal(there, app.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>().Any(endpoint => Serves(endpoint, method, "api/v1" + path)));
    }

    /// <summary>A variable of the shell, or a word in angle brackets, stands for one segment of the reader's own.</summary>
    private static bool Serves(RouteEndpoint endpoint, string method, string path)
    {
        var segments = path.Split('/');
        var pattern = endpoint.RoutePattern.PathSegments;
        return endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods.Contains(method) == true
            && pattern.Count == segments.Length
            && pattern.Zip(segments).All(pair => pair.First.Parts is [RoutePatternLiteralPart literal]
                ? literal.Content == pair.Second
                : pair.Second[0] is '$' or '<' || pair.First.Parts is [RoutePatternParameterPart { IsCatchAll: false }]);
    }

    [GeneratedRegex("""\bapi (?<method>GET|POST|PUT|PATCH|DELETE) ['"]?(?<path>/[^\s'"`?@|]+)""")]
    private static partial Regex Call();
}
