using System.Text;
using Kontext.Domain;
using Kontext.Functions.Account;
using Kontext.Functions.Pages;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Kontext.Functions.Tests.Account;

/// <summary>What a page that shows a list says when it could not be loaded (seed 004).</summary>
public sealed class LoadErrorsTests
{
    public static TheoryData<FailureCode> Codes() => [.. Enum.GetValues<FailureCode>()];

    [Theory]
    [MemberData(nameof(Codes))]
    public async Task Whatever_passes_or_is_ours_can_be_tried_again_and_nothing_else(FailureCode code)
    {
        var (status, html) = await SayAsync(HttpMethods.Get, "/integrations", code);
        var passes = status is 429 or >= 500;
        Assert.Equal(PageErrors.StatusOf(code), status);
        Assert.Equal(passes, html.Contains("Failed to load integrations", StringComparison.Ordinal));
        Assert.Equal(passes, html.Contains("href=\"/integrations?of=mine\">Retry</a>", StringComparison.Ordinal));
        Assert.Contains("What happened.", html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("POST", "/integrations")]
    [InlineData("GET", "/integrations/google/callback")]
    public async Task What_is_no_list_is_not_said_to_be_one(string method, string path) =>
        Assert.DoesNotContain("Failed to load", (await SayAsync(method, path, FailureCode.Unavailable)).Html, StringComparison.Ordinal);

    private static async Task<(int Status, string Html)> SayAsync(string method, string path, FailureCode code)
    {
        await using var services = new ServiceCollection().AddLogging().AddKontextPages().BuildServiceProvider();
        await using var scope = services.CreateAsyncScope();
        using var body = new MemoryStream();
        var context = new DefaultHttpContext { RequestServices = scope.ServiceProvider };
        (context.Request.Method, context.Request.Path, context.Request.QueryString, context.Response.Body) = (method, path, new QueryString("?of=mine"), body);
        await LoadErrors.Of(context, new Failure(code, "What happened."), "integrations", "/integrations").ExecuteAsync(context);
        return (context.Response.StatusCode, Encoding.UTF8.GetString(body.ToArray()));
    }
}
