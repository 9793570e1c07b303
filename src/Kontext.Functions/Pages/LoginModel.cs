namespace Kontext.Functions.Pages;

/// <summary>What the development sign-in shows.</summary>
/// <param name="Organization">The organization signed in to.</param>
/// <param name="Slug">Its short name, posted back as <c>organization</c>.</param>
/// <param name="AgentName">The agent that is waiting for the person; null when nobody asked.</param>
/// <param name="ReturnTo">Where to go after signing in, posted back as <c>return_to</c>; the endpoint checks it again.</param>
/// <param name="CsrfToken">Posted back as <c>csrf</c>.</param>
/// <param name="Error">What was wrong with the last attempt; null for none.</param>
/// <param name="UserName">Who is expected; null when nobody said.</param>
public sealed record LoginModel(string Organization, string Slug, string? AgentName, string ReturnTo, string CsrfToken, string? Error, string? UserName = null);
