using System.Net;
using AngleSharp.Html.Parser;
using Kontext.Functions.Tests.Admin;

namespace Kontext.Functions.Tests.Surface;

/// <summary>Where there is nothing, people get a page with a way out and programs get JSON.</summary>
public sealed class UnknownAddressTests(KontextFixture kontext)
{
    private const string Browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

    [Theory]
    [InlineData("/integration", Browser)]
    [InlineData("/console/nowhere", Browser)]
    [InlineData("/sessions/nowhere/at/all", "application/json;q=0.5, text/html")]
    public async Task A_person_gets_a_page_with_a_way_out(string path, string accept)
    {
        var (status, type, text) = await OpenAsync(path, accept);
        Assert.Equal((HttpStatusCode.NotFound, "text/html"), (status, type));
        var page = new HtmlParser().ParseDocument(text);
        Assert.Equal("There is nothing here", page.QuerySelector("h1")!.TextContent);
        Assert.NotNull(page.QuerySelector("main a[href='/']"));
    }

    [Theory]
    [InlineData("/api/v2/nowhere", Browser)]
    [InlineData("/mcp/a/b/c", Browser)]
    [InlineData("/oauth2/nowhere", Browser)]
    [InlineData("/.well-known/nowhere", Browser)]
    [InlineData("/integration", null)]
    [InlineData("/integration", "*/*")]
    [InlineData("/integration", "application/json, text/html;q=0.9")]
    public async Task A_program_gets_JSON(string path, string? accept)
    {
        var (status, type, text) = await OpenAsync(path, accept);
        Assert.Equal((HttpStatusCode.NotFound, "application/json"), (status, type));
        Assert.Contains("nothing at this address", text, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Who_is_signed_in_keeps_their_navigation_on_error_pages()
    {
        using var person = await kontext.SignedInAsync("nina");
        var gone = await person.GoAsync(kontext, "/approvals/nowhere");
        var form = await person.GoAsync(kontext, "/rules");
        form.Document.QuerySelector("main input[name=csrf]")!.SetAttribute("value", "forged");
        var outOfDate = await person.SubmitAsync(form, form.Document.QuerySelector("main form[method=post] button")!);
        foreach (var (page, status) in new[] { (gone, HttpStatusCode.NotFound), (outOfDate, HttpStatusCode.BadRequest) })
        {
            Assert.Equal(status, page.Status);
            Assert.NotNull(page.Document.QuerySelector("nav a[href='/sessions']"));
            Assert.NotNull(page.Document.QuerySelector("main a[href='/']"));
        }
    }

    private async Task<(HttpStatusCode Status, string? Type, string Text)> OpenAsync(string path, string? accept)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (accept is not null)
            request.Headers.Add("Accept", accept);
        using var answer = await kontext.Server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        return (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
