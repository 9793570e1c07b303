using System.Net;
using Kontext.Functions.Tests.Api;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Admin;

/// <summary>Who gets at the administration pages, and what they may do there.</summary>
public sealed class RolesTests(KontextFixture kontext)
{
    [Fact]
    public async Task Every_page_is_for_owners_and_auditors_and_no_member_gets_one()
    {
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        using var auditor = await kontext.SignedInAsync(ApiCalls.Unique("ada") + "+auditor");
        using var member = await kontext.SignedInAsync(ApiCalls.Unique("max"));
        foreach (var path in Administrators.Pages)
        {
            var seen = await owner.GoAsync(kontext, path);
            Assert.True(seen.Status == HttpStatusCode.OK, $"{path}: {seen.Status} {seen.Text.Trim()}");
            Assert.Single(seen.Document.QuerySelectorAll("h1"));
            Assert.Equal(HttpStatusCode.OK, (await auditor.GoAsync(kontext, path)).Status);
            Assert.Equal(HttpStatusCode.Forbidden, (await member.GoAsync(kontext, path)).Status);
        }
    }

    [Fact]
    public async Task Who_is_not_signed_in_signs_in_first_and_comes_back()
    {
        using var browser = new FormBrowser();
        var page = await browser.GoAsync(kontext, "/console/policy");
        Assert.Equal("/login", page.Url.AbsolutePath);
        page = await browser.SubmitAsync(page, "Sign in", new Dictionary<string, string> { ["username"] = KontextFixture.Owner });
        Assert.Equal("/console/policy", page.Url.AbsolutePath);
    }

    [Fact]
    public async Task The_navigation_names_the_administration_to_those_who_have_one()
    {
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        using var member = await kontext.SignedInAsync(ApiCalls.Unique("mia"));
        Assert.NotNull((await owner.GoAsync(kontext, "/sessions")).Document.QuerySelector("nav a[href='/console']"));
        Assert.Null((await member.GoAsync(kontext, "/sessions")).Document.QuerySelector("nav a[href='/console']"));
    }

    [Fact]
    public async Task An_auditor_changes_nothing_even_with_the_forms_of_an_owner()
    {
        var (id, _) = await kontext.ApplicationAsync();
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        using var auditor = await kontext.SignedInAsync(ApiCalls.Unique("alan") + "+auditor");
        var page = await owner.GoAsync(kontext, $"/console/applications/{id}");
        var own = await auditor.GoAsync(kontext, $"/console/applications/{id}");
        Assert.Null(own.Document.GetElementById("rename"));
        foreach (var field in page.Document.QuerySelectorAll("input[name=csrf]"))
            field.SetAttribute("value", own.Document.QuerySelector("input[name=csrf]")!.GetAttribute("value")!);
        var answer = await auditor.PressAsync(page, "rename", new() { ["name"] = ApiCalls.Unique("taken over") });
        Assert.Contains("auditor", answer.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("taken over", (await owner.GoAsync(kontext, $"/console/applications/{id}")).Document.QuerySelector("h1")!.TextContent, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/console/applications/new")]
    [InlineData("/console/integrations/new")]
    [InlineData("/console/integrations/new/form?provider=github")]
    public async Task An_auditor_is_shown_no_form_to_register_or_add_anything(string path)
    {
        using var auditor = await kontext.SignedInAsync(ApiCalls.Unique("amy") + "+auditor");
        var page = await auditor.GoAsync(kontext, path);
        Assert.Null(page.Document.QuerySelector("main form[method=post]"));
        Assert.Null(page.Document.QuerySelector("main a[href*='/new/form']"));
    }

    [Fact]
    public async Task A_member_changes_nothing_by_posting()
    {
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        using var member = await kontext.SignedInAsync(ApiCalls.Unique("moe"));
        var page = await owner.GoAsync(kontext, "/console/service-accounts");
        var csrf = (await member.GoAsync(kontext, "/sessions")).Document.QuerySelector("input[name=csrf]")!.GetAttribute("value")!;
        foreach (var field in page.Document.QuerySelectorAll("input[name=csrf]"))
            field.SetAttribute("value", csrf);
        var name = ApiCalls.Unique("smuggled");
        Assert.Equal(HttpStatusCode.Forbidden, (await member.PressAsync(page, "create", new() { ["name"] = name })).Status);
        Assert.DoesNotContain(name, (await owner.GoAsync(kontext, "/console/service-accounts")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_form_that_does_not_come_from_our_page_changes_nothing()
    {
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        var page = await owner.GoAsync(kontext, "/console/service-accounts");
        foreach (var field in page.Document.QuerySelectorAll("input[name=csrf]"))
            field.SetAttribute("value", "forged");
        var name = ApiCalls.Unique("forged");
        Assert.Equal(HttpStatusCode.BadRequest, (await owner.PressAsync(page, "create", new() { ["name"] = name })).Status);
        Assert.DoesNotContain(name, (await owner.GoAsync(kontext, "/console/service-accounts")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_belongs_to_nobody_here_is_not_there()
    {
        using var owner = await kontext.SignedInAsync(KontextFixture.Owner);
        foreach (var path in new[] { $"/console/applications/app_{Guid.NewGuid()}", $"/console/integrations/{Guid.NewGuid()}", "/console/traces/0123456789abcdef0123456789abcdef", $"/console/webhooks/{Guid.NewGuid()}" })
            Assert.Equal(HttpStatusCode.NotFound, (await owner.GoAsync(kontext, path)).Status);
    }
}
