using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Kontext.Domain;
using Kontext.Domain.Tenancy;
using Kontext.Functions.Storage;

namespace Kontext.Functions.SignIn;

/// <summary>Browser sessions by cookie: who is signed in, and the CSRF token of each browser. The cookie's handle changes at every sign-in, so that none can be fixed beforehand.</summary>
internal sealed class BrowserSessions(ITableSource tables, IUserStore users, KontextSettings settings, TimeProvider time)
{
    private static readonly TimeSpan SeenResolution = TimeSpan.FromMinutes(5);

    private readonly HashKeyed<BrowserSession> store = new(tables.Open("browsersessions"), StoredJson.Default.BrowserSession);

    // __Host- demands https; on plain loopback browsers would drop such a cookie.
    private readonly string prefix = settings.PublicUrl.Scheme == Uri.UriSchemeHttps ? "__Host-kontext" : "kontext";

    /// <summary>The person signed in; null when nobody is, or the session expired.</summary>
    public async ValueTask<BrowserUser?> CurrentAsync(HttpContext context)
    {
        var handle = context.Request.Cookies[SessionCookie];
        if (!OrgHandle.TryRead(handle, OrgHandle.BrowserSession, out var org))
            return null;
        var hash = RandomValue.HashOf(handle!);
        var now = time.GetUtcNow();
        if (await store.FindAsync(org, hash, context.RequestAborted) is not { Value.Ended: false } stored
            || now > stored.Value.ExpiresAt
            || await users.CurrentAsync(org, stored.Value.User, context.RequestAborted) is not { Disabled: false } user)
            return null;
        if (now - stored.Value.LastSeenAt > SeenResolution)
            await store.ReplaceAsync(org, hash, stored, stored.Value with { LastSeenAt = now }, context.RequestAborted);
        return new BrowserUser(org, user, hash, CsrfOf(handle!), stored.Value.AuthenticatedAt ?? stored.Value.SignedInAt);
    }

    /// <summary>What flows begun in this browser since its last sign-in are bound to, also when that has ended; null when the browser no longer has its cookie.</summary>
    public string? LastBinding(HttpContext context) =>
        context.Request.Cookies[SessionCookie] is { } handle && OrgHandle.TryRead(handle, OrgHandle.BrowserSession, out _) ? RandomValue.HashOf(handle) : null;

    /// <summary>Signs a person in to this browser, under a new handle. The session it had before ends, whoever's it was.</summary>
    /// <param name="context">The request.</param>
    /// <param name="org">The organization.</param>
    /// <param name="user">The person.</param>
    /// <param name="authenticatedAt">When they proved who they are, if that was earlier.</param>
    public async Task SignInAsync(HttpContext context, OrgId org, UserId user, DateTimeOffset? authenticatedAt = null)
    {
        await EndAsync(context);
        var handle = OrgHandle.New(org, OrgHandle.BrowserSession);
        var now = time.GetUtcNow();
        await store.InsertAsync(org, RandomValue.HashOf(handle), new BrowserSession(user, now, now, Ended: false, authenticatedAt < now ? authenticatedAt : null), context.RequestAborted);
        // The visitor's cookie stays: sign-ins that other tabs have under way are bound to it.
        Append(context, SessionCookie, handle);
    }

    /// <summary>Signs this browser out. Who uses it next is a visitor nobody knows.</summary>
    public async Task SignOutAsync(HttpContext context)
    {
        await EndAsync(context);
        context.Response.Cookies.Delete(SessionCookie, Options());
        context.Response.Cookies.Delete(VisitorCookie, Options());
    }

    /// <summary>The CSRF token of a browser in which nobody has signed in yet; gives it a cookie when it has none.</summary>
    public string VisitorCsrf(HttpContext context) => CsrfOf(Visitor(context));

    /// <summary>A secret that only this browser can bring back, which a sign-in under way is bound to; gives the browser a cookie when it has none.</summary>
    public Secret SignInSecret(HttpContext context) => SecretOf(Visitor(context));

    /// <summary>The same for a browser that should have it already; null when it does not.</summary>
    public Secret? KnownSignInSecret(HttpContext context) => context.Request.Cookies[VisitorCookie] is { Length: 43 } visitor ? SecretOf(visitor) : null;

    /// <summary>Did a form from a browser without sign-in come from a page of ours shown in the same browser?</summary>
    public bool IsVisitorCsrf(HttpContext context, string? presented) =>
        context.Request.Cookies[VisitorCookie] is { Length: 43 } visitor && SameOrigin(context) && Equal(presented, CsrfOf(visitor));

    /// <summary>Did a form come from a page of ours shown to this person in this browser?</summary>
    public bool IsCsrf(HttpContext context, BrowserUser user, string? presented) => SameOrigin(context) && Equal(presented, user.CsrfToken);

    private string SessionCookie => prefix + "-session";

    private string VisitorCookie => prefix + "-visitor";

    private async Task EndAsync(HttpContext context)
    {
        var handle = context.Request.Cookies[SessionCookie];
        if (!OrgHandle.TryRead(handle, OrgHandle.BrowserSession, out var org))
            return;
        var hash = RandomValue.HashOf(handle!);
        while (await store.FindAsync(org, hash, context.RequestAborted) is { Value.Ended: false } stored)
        {
            // A page opened at the same moment may have noted the use in between: the end is written over it.
            if (await store.ReplaceAsync(org, hash, stored, stored.Value with { Ended = true }, context.RequestAborted) is not null)
                return;
        }
    }

    private bool SameOrigin(HttpContext context) =>
        context.Request.Headers.Origin is not [{ Length: > 0 } origin] || origin == "null" || origin == settings.PublicUrl.GetLeftPart(UriPartial.Authority);

    private string Visitor(HttpContext context)
    {
        var visitor = context.Request.Cookies[VisitorCookie];
        if (visitor is not { Length: 43 })
        {
            visitor = RandomValue.Token();
            Append(context, VisitorCookie, visitor);
        }
        return visitor;
    }

    private void Append(HttpContext context, string name, string value) => context.Response.Cookies.Append(name, value, Options());

    private CookieOptions Options() => new()
    {
        HttpOnly = true,
        Secure = settings.PublicUrl.Scheme == Uri.UriSchemeHttps,
        SameSite = SameSiteMode.Lax,
        Path = "/",
        IsEssential = true,
    };

    private static string CsrfOf(string handle) =>
        Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(handle), "csrf"u8));

    private static Secret SecretOf(string visitor) =>
        new(Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(visitor), "sign-in"u8)));

    private static bool Equal(string? presented, string expected) =>
        presented is not null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(presented), Encoding.UTF8.GetBytes(expected));
}
