using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Functions.OAuth;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Connect;

/// <summary>Applications' own users on the connect pages: they never sign in here; the link their application asked for says who they are (contract 5.4).
/// It works in the first browser that opens it, for as long as the link lives, on these pages and nowhere else.</summary>
internal sealed class ConnectGuests(ConnectLinks links, IConnectStateStore states, IApplicationStore applications, IUserStore users, KontextSettings settings, TimeProvider time)
{
    /// <summary>The person an external link is for, when it works in this browser; null for every other link. The first browser to come gets it.</summary>
    public async ValueTask<BrowserUser?> OpenAsync(HttpContext context, string? handle) =>
        handle is not null && await links.FindAsync(handle, context.RequestAborted) is { Session.External: true } found
            && await links.ClaimAsync(handle, RandomValue.HashOf(Cookie(context)), context.RequestAborted)
            ? await UserAsync(context, found.Org, found.Session.Application, found.Session.User) : null;

    /// <summary>Is it an external link, or was one opened in this browser before? Then there is no sign-in to send the person to.</summary>
    public async ValueTask<bool> IsGuestAsync(HttpContext context, string? handle) =>
        context.Request.Cookies[CookieName] is not null || (handle is not null && await links.FindAsync(handle, context.RequestAborted) is { Session.External: true });

    /// <summary>The person behind a form of an external link's page; null for every other form.</summary>
    public async ValueTask<BrowserUser?> OfFormAsync(HttpContext context)
    {
        if (context.Request.Cookies[CookieName] is null || !(await FormFields.ReadAsync(context.Request, context.RequestAborted)).TryGet(out var form, out _))
            return null;
        return await OpenAsync(context, form["session"]);
    }

    /// <summary>The person behind a provider's answer to an authorization that was started on an external link's page; null for every other answer.</summary>
    public async ValueTask<BrowserUser?> OfStateAsync(HttpContext context, string? state)
    {
        if (context.Request.Cookies[CookieName] is not { } cookie || !OrgHandle.TryRead(state, OrgHandle.ConnectState, out var org)
            || await states.FindAsync(org, RandomValue.HashOf(state!), context.RequestAborted) is not { Value: { BrowserBinding: { } binding } started }
            || !CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(binding), Encoding.ASCII.GetBytes(RandomValue.HashOf(cookie))))
            return null;
        return await UserAsync(context, org, application: null, started.User);
    }

    private async ValueTask<BrowserUser?> UserAsync(HttpContext context, OrgId org, AppId? application, UserId id)
    {
        if (await users.CurrentAsync(org, id, context.RequestAborted) is not { Disabled: false, IsExternal: true } user)
            return null;
        if (application is { } app && await applications.CurrentAsync(org, app, context.RequestAborted) is not { ExternalAuth.Enabled: true })
            return null;
        var cookie = Cookie(context);
        var csrf = Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(cookie), "connect"u8));
        return new BrowserUser(org, user, RandomValue.HashOf(cookie), csrf, time.GetUtcNow());
    }

    // __Host- demands https; on plain loopback browsers would drop such a cookie.
    private string CookieName => settings.PublicUrl.Scheme == Uri.UriSchemeHttps ? "__Host-kontext-guest" : "kontext-guest";

    private string Cookie(HttpContext context)
    {
        if (context.Request.Cookies[CookieName] is { Length: 43 } known)
            return known;
        if (context.Items[typeof(ConnectGuests)] is string given)
            return given;
        var secret = RandomValue.Token();
        context.Items[typeof(ConnectGuests)] = secret;
        context.Response.Cookies.Append(CookieName, secret, new CookieOptions
        {
            HttpOnly = true,
            Secure = settings.PublicUrl.Scheme == Uri.UriSchemeHttps,
            SameSite = SameSiteMode.Lax,
            Path = "/",
            IsEssential = true,
        });
        return secret;
    }
}
