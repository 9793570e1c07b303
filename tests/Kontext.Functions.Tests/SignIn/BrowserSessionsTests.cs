using System.Net;
using Kontext.Domain;
using Kontext.Domain.Tenancy;
using Kontext.Functions.SignIn;
using Kontext.Functions.Storage;
using Kontext.Functions.Tests.Storage;
using Kontext.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Kontext.Functions.Tests.SignIn;

/// <summary>Browser sessions: what the cookies are, how long they hold, and that nobody can hand one to another browser.</summary>
public sealed class BrowserSessionsTests
{
    private const string SessionCookie = "__Host-kontext-session";

    private readonly OrgId org = Samples.NewOrg();
    private readonly User ada = Samples.User("ada");
    private readonly SteppedTime time = new();
    private readonly FaultyTables tables = new(new MemoryTables());
    private readonly Instance instance;
    private readonly BrowserSessions sessions;
    private readonly Dictionary<string, string> cookies = [];

    public BrowserSessionsTests()
    {
        instance = new Instance(tables, time);
        sessions = new BrowserSessions(tables, instance.Users, Settings("https://kontext.example"), time);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_sign_in_has_a_new_session_and_ends_the_one_before()
    {
        await SignInAsync();
        var first = cookies[SessionCookie];
        await SignInAsync();
        Assert.NotEqual(first, cookies[SessionCookie]);
        Assert.NotNull(await CurrentAsync());
        cookies[SessionCookie] = first;
        Assert.Null(await CurrentAsync());
    }

    [Fact]
    public async Task A_session_somebody_planted_is_neither_used_nor_left_alive()
    {
        await SignInAsync();
        var planted = cookies[SessionCookie];
        var csrf = (await CurrentAsync())!.CsrfToken;
        // The victim's browser brings the attacker's cookie to its own sign-in.
        await SignInAsync();
        Assert.NotEqual(csrf, (await CurrentAsync())!.CsrfToken);
        cookies[SessionCookie] = planted;
        Assert.Null(await CurrentAsync());
        cookies[SessionCookie] = OrgHandle.New(org, OrgHandle.BrowserSession);
        Assert.Null(await CurrentAsync());
    }

    [Fact]
    public async Task A_session_that_is_not_used_for_two_hours_is_over()
    {
        await SignInAsync();
        time.Advance(TimeSpan.FromHours(2) - TimeSpan.FromSeconds(1));
        Assert.NotNull(await CurrentAsync());
        time.Advance(TimeSpan.FromHours(2) + TimeSpan.FromSeconds(1));
        Assert.Null(await CurrentAsync());
    }

    [Fact]
    public async Task A_session_is_over_after_twelve_hours_however_much_it_is_used()
    {
        await SignInAsync();
        for (var used = TimeSpan.Zero; used < TimeSpan.FromHours(12); used += TimeSpan.FromHours(1))
        {
            Assert.NotNull(await CurrentAsync());
            time.Advance(TimeSpan.FromHours(1));
        }
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(await CurrentAsync());
    }

    [Fact]
    public async Task Signing_out_ends_the_session_and_not_only_the_cookie()
    {
        await SignInAsync();
        var handle = cookies[SessionCookie];
        await WithAsync(sessions.SignOutAsync);
        Assert.False(cookies.ContainsKey(SessionCookie));
        cookies[SessionCookie] = handle;
        Assert.Null(await CurrentAsync());
    }

    [Fact]
    public async Task A_page_opened_during_the_sign_out_does_not_keep_the_session_alive()
    {
        await SignInAsync();
        var handle = cookies[SessionCookie];
        time.Advance(TimeSpan.FromMinutes(10));
        // The sign-out's write waits while a page notes that the session was used, and so comes too late for its ETag.
        var held = tables["browsersessions"].HoldWrite(1);
        var signOut = WithAsync(sessions.SignOutAsync);
        await held.Reached;
        Assert.NotNull(await WithAsync(context => sessions.CurrentAsync(context).AsTask()));
        held.Release();
        await signOut;
        cookies[SessionCookie] = handle;
        Assert.Null(await CurrentAsync());
    }

    [Fact]
    public async Task A_disabled_person_is_signed_out()
    {
        await SignInAsync();
        var row = (await instance.Users.FindAsync(org, ada.Id, Cancel))!;
        await instance.Users.ReplaceAsync(org, row, row.Value with { Disabled = true }, Cancel);
        Assert.Null(await CurrentAsync());
    }

    [Fact]
    public async Task Cookies_are_for_this_host_https_and_servers_only()
    {
        await instance.Users.InsertAsync(org, ada, Cancel);
        var context = Request();
        sessions.VisitorCsrf(context);
        await sessions.SignInAsync(context, org, ada.Id);
        var set = SetCookies(context);
        Assert.Equal(["__Host-kontext-session", "__Host-kontext-visitor"], set.Select(cookie => cookie.Name.ToString()).Order(StringComparer.Ordinal));
        Assert.All(set, cookie => Assert.Equal(
            (true, true, Microsoft.Net.Http.Headers.SameSiteMode.Lax, "/", null), (cookie.Secure, cookie.HttpOnly, cookie.SameSite, cookie.Path.ToString(), cookie.Domain.Value)));
    }

    [Fact]
    public void On_plain_loopback_cookies_are_what_browsers_accept_there()
    {
        var context = Request();
        new BrowserSessions(tables, instance.Users, Settings("http://localhost:7071"), time).VisitorCsrf(context);
        var cookie = Assert.Single(SetCookies(context));
        Assert.Equal(("kontext-visitor", false, true), (cookie.Name.ToString(), cookie.Secure, cookie.HttpOnly));
    }

    [Theory]
    [InlineData("https://kontext.example", true)]
    [InlineData("null", true)]
    [InlineData(null, true)]
    [InlineData("https://evil.example", false)]
    [InlineData("https://sub.kontext.example", false)]
    public async Task A_form_has_to_come_from_our_own_pages(string? origin, bool accepted)
    {
        await SignInAsync();
        var person = (await CurrentAsync())!;
        var context = Request();
        if (origin is not null)
            context.Request.Headers.Origin = origin;
        Assert.Equal(accepted, sessions.IsCsrf(context, person, person.CsrfToken));
        Assert.False(sessions.IsCsrf(context, person, person.CsrfToken + "x"));
        Assert.False(sessions.IsCsrf(context, person, null));
    }

    private static KontextSettings Settings(string publicUrl) => new()
    {
        PublicUrl = new Uri(publicUrl), Storage = "memory", KeyDirectory = "unused", Organization = "acme", Development = true, AllowPrivateUpstreams = true,
    };

    private async Task SignInAsync()
    {
        await instance.Users.InsertAsync(org, ada, Cancel);
        await WithAsync(context => sessions.SignInAsync(context, org, ada.Id));
    }

    private Task<BrowserUser?> CurrentAsync() => WithAsync(context => sessions.CurrentAsync(context).AsTask());

    private Task<bool> WithAsync(Func<HttpContext, Task> act) => WithAsync(async context =>
    {
        await act(context);
        return true;
    });

    /// <summary>One request of the browser: brings its cookies and keeps those it is given.</summary>
    private async Task<T> WithAsync<T>(Func<HttpContext, Task<T>> act)
    {
        var context = Request();
        var result = await act(context);
        foreach (var cookie in SetCookies(context))
        {
            if (cookie.Expires is null)
                cookies[cookie.Name.ToString()] = cookie.Value.ToString();
            else
                cookies.Remove(cookie.Name.ToString());
        }
        return result;
    }

    private DefaultHttpContext Request()
    {
        var context = new DefaultHttpContext();
        context.Request.Headers.Cookie = string.Join("; ", cookies.Select(cookie => $"{cookie.Key}={cookie.Value}"));
        return context;
    }

    private static IList<SetCookieHeaderValue> SetCookies(HttpContext context) => SetCookieHeaderValue.ParseList([.. context.Response.Headers.SetCookie.OfType<string>()]);
}
