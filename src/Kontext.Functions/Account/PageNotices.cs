using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Kontext.Functions.Pages;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Account;

/// <summary>Carries what came of a form to the page the browser is sent to next, in a cookie that this browser's session signed and that the page takes away. Nothing of it is in an address, and reloading the page does not repeat it.</summary>
internal sealed class PageNotices(KontextSettings settings)
{
    private const int MaxLength = 700;
    private const int MacLength = 32;
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(1);

    // __Host- demands https; on plain loopback browsers would drop such a cookie.
    private string Cookie => settings.PublicUrl.Scheme == Uri.UriSchemeHttps ? "__Host-kontext-notice" : "kontext-notice";

    /// <summary>Leaves a notice for the next page.</summary>
    public void Leave(HttpContext context, BrowserUser user, PageNotice notice)
    {
        var text = Encoding.UTF8.GetBytes((notice.Succeeded ? "+" : "-") + (notice.Text.Length <= MaxLength ? notice.Text : notice.Text[..MaxLength] + "…"));
        context.Response.Cookies.Append(Cookie, Base64Url.EncodeToString([.. MacOf(user, text), .. text]), Options(Lifetime));
    }

    /// <summary>Takes the notice left for this browser's person; null when there is none, or somebody else wrote it.</summary>
    public PageNotice? Take(HttpContext context, BrowserUser user)
    {
        if (context.Request.Cookies[Cookie] is not { } presented)
            return null;
        context.Response.Cookies.Delete(Cookie, Options(lifetime: null));
        if (!Base64Url.IsValid(presented) || Base64Url.DecodeFromChars(presented) is not { Length: > MacLength + 1 } bytes
            || !CryptographicOperations.FixedTimeEquals(bytes.AsSpan(0, MacLength), MacOf(user, bytes.AsSpan(MacLength))))
            return null;
        var text = Encoding.UTF8.GetString(bytes.AsSpan(MacLength));
        return new PageNotice(text[0] == '+', text[1..]);
    }

    // The anti-forgery token is known to this browser session's own pages only.
    private static byte[] MacOf(BrowserUser user, ReadOnlySpan<byte> text) => HMACSHA256.HashData(Encoding.UTF8.GetBytes("notice:" + user.CsrfToken), text);

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
