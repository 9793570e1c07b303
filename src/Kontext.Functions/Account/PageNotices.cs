using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Kontext.Domain;
using Kontext.Functions.Pages;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Account;

/// <summary>Carries what came of a form to the page the browser is sent to next, in a cookie that this browser's session signed and that the page takes away. Nothing of it is in an address, and reloading the page does not repeat it.</summary>
internal sealed class PageNotices(BrowserSessions browser, KontextSettings settings)
{
    private const int MaxLength = 700;
    private const int MacLength = 32;
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan SignInLifetime = TimeSpan.FromMinutes(10);

    // __Host- demands https; on plain loopback browsers would drop such a cookie.
    private string Cookie => settings.PublicUrl.Scheme == Uri.UriSchemeHttps ? "__Host-kontext-notice" : "kontext-notice";

    /// <summary>Leaves a notice for the next page.</summary>
    public void Leave(HttpContext context, BrowserUser user, PageNotice notice) => Leave(context, KeyOf(user), notice, Lifetime);

    /// <summary>Leaves a notice for somebody who has to sign in first, in this browser. Whoever else does so does not see it.</summary>
    public void LeaveUntilSignIn(HttpContext context, UserId person, PageNotice notice) => Leave(context, KeyOf(browser.SignInSecret(context), person), notice, SignInLifetime);

    /// <summary>Takes the notice left for this browser's person; null when there is none, or somebody else wrote it.</summary>
    public PageNotice? Take(HttpContext context, BrowserUser user)
    {
        if (context.Request.Cookies[Cookie] is not { } presented)
            return null;
        context.Response.Cookies.Delete(Cookie, Options(lifetime: null));
        if (!Base64Url.IsValid(presented) || Base64Url.DecodeFromChars(presented) is not { Length: > MacLength + 1 } bytes)
            return null;
        var (mac, content) = (bytes.AsMemory(0, MacLength), bytes.AsMemory(MacLength));
        if (!IsBy(KeyOf(user)) && !(browser.KnownSignInSecret(context) is { } secret && IsBy(KeyOf(secret, user.User.Id))))
            return null;
        var text = Encoding.UTF8.GetString(content.Span);
        return new PageNotice(text[0] == '+', text[1..]);

        bool IsBy(byte[] key) => CryptographicOperations.FixedTimeEquals(mac.Span, HMACSHA256.HashData(key, content.Span));
    }

    private void Leave(HttpContext context, byte[] key, PageNotice notice, TimeSpan lifetime)
    {
        var text = Encoding.UTF8.GetBytes((notice.Succeeded ? "+" : "-") + (notice.Text.Length <= MaxLength ? notice.Text : notice.Text[..MaxLength] + "…"));
        context.Response.Cookies.Append(Cookie, Base64Url.EncodeToString([.. HMACSHA256.HashData(key, text), .. text]), Options(lifetime));
    }

    // The anti-forgery token is known to this browser session's own pages only.
    private static byte[] KeyOf(BrowserUser user) => Encoding.UTF8.GetBytes("notice:" + user.CsrfToken);

    private static byte[] KeyOf(Secret browser, UserId person) => Encoding.UTF8.GetBytes($"notice:{person}:{browser.Reveal()}");

    private CookieOptions Options(TimeSpan? lifetime) => new()
    {
        HttpOnly = true,
        Secure = settings.PublicUrl.Scheme == Uri.UriSchemeHttps,
        SameSite = SameSiteMode.Lax,
        Path = "/",
        IsEssential = true,
        MaxAge = lifetime,
    };
}
