namespace Kontext.Functions.Pages;

/// <summary>What the page shows that asks which organization somebody signs in to.</summary>
/// <param name="ReturnTo">Where to go after signing in, sent on as <c>return_to</c>.</param>
/// <param name="Fresh">They have to sign in again, sent on as <c>fresh</c>.</param>
/// <param name="MaxAgeSeconds">Oldest acceptable proof, sent on as <c>max_age</c>; null for any.</param>
/// <param name="LoginHint">Who is expected, sent on as <c>login_hint</c>; null when nobody said.</param>
/// <param name="Error">What was wrong with the last attempt; null for none.</param>
public sealed record OrganizationModel(string ReturnTo, bool Fresh, int? MaxAgeSeconds, string? LoginHint, string? Error);
