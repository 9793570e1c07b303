using System.Security.Cryptography;
using System.Text;
using Kontext.Domain;
using Kontext.Functions.OAuth;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Connect;

/// <summary>A form posted by one of our own pages: checked for origin and anti-forgery token before anything in it is believed.</summary>
internal sealed class ConnectForm
{
    private const string FieldPrefix = "field:";
    private readonly IFormCollection form;

    private ConnectForm(IFormCollection form) => this.form = form;

    /// <summary>The connect session.</summary>
    public string? Session => this["session"];

    /// <summary>The integration's id.</summary>
    public string? Integration => this["integration"];

    /// <summary>The token typed in.</summary>
    public Secret Token => new(this["token"] ?? "");

    /// <summary>The credential fields typed in.</summary>
    public IReadOnlyDictionary<string, Secret> Fields => form
        .Where(posted => posted.Key.StartsWith(FieldPrefix, StringComparison.Ordinal) && posted.Value.Count == 1)
        .ToDictionary(posted => posted.Key[FieldPrefix.Length..], posted => new Secret(posted.Value[0] ?? ""), StringComparer.Ordinal);

    private string? this[string name] => form.TryGetValue(name, out var values) && values is [{ Length: > 0 } value] ? value : null;

    /// <summary>Reads and checks.</summary>
    public static async Task<Result<ConnectForm>> ReadAsync(HttpContext context, BrowserUser user, KontextSettings settings)
    {
        var request = context.Request;
        if (!(await FormFields.ReadAsync(request, context.RequestAborted)).TryGet(out _, out var unreadable))
            return unreadable;
        // Our pages name themselves to nobody (Referrer-Policy), for which browsers send the origin "null": then the token alone decides.
        var origin = request.Headers.Origin.ToString();
        if (origin is not ("" or "null") && !origin.Equals(settings.PublicUrl.GetLeftPart(UriPartial.Authority), StringComparison.OrdinalIgnoreCase))
            return new Failure(FailureCode.Forbidden, "The form was sent from another site.", $"origin {origin}");
        var form = new ConnectForm(await request.ReadFormAsync(context.RequestAborted));
        return CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(form["csrf"] ?? ""), Encoding.UTF8.GetBytes(user.CsrfToken))
            ? form
            : new Failure(FailureCode.Forbidden, "The form is too old or was not sent from our page. Go back, reload the page and try again.", "anti-forgery token");
    }
}
