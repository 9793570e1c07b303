using System.Globalization;
using Kontext.Domain;

namespace Kontext.Functions.SignIn;

/// <summary>What is asked of one sign-in.</summary>
/// <param name="ReturnTo">Where the person goes afterwards.</param>
/// <param name="Fresh">They have to sign in again, even when the provider knows them.</param>
/// <param name="MaxAgeSeconds">Oldest acceptable proof of who they are; null when any will do.</param>
/// <param name="LoginHint">Whom the agent expects to sign in, as it named them; null when it did not.</param>
internal sealed record SignInWish(string ReturnTo, bool Fresh, int? MaxAgeSeconds, string? LoginHint)
{
    private const int MaxHintLength = 320;

    /// <summary>Reads <c>max_age</c> (OpenID Connect Core section 3.1.2.1); null when it is not there.</summary>
    public static Result<int?> AgeOf(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return Result.Of<int?>(null);
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            ? Result.Of<int?>(seconds)
            : new Failure(FailureCode.InvalidRequest, "max_age has to be a number of seconds.");
    }

    /// <summary>The hint, where it can be one: it is for a field that shows it.</summary>
    public static string? HintOf(string? loginHint) =>
        loginHint?.Trim() is { Length: > 0 and <= MaxHintLength } hint && PrintableText.IsPrintable(hint) ? hint : null;
}
