namespace Kontext.Functions.Pages;

/// <summary>What the front page shows.</summary>
/// <param name="Organization">The organization people here belong to.</param>
/// <param name="UserName">The person signed in; null for nobody.</param>
/// <param name="McpUrl">The gateway's address, to copy into an MCP client.</param>
/// <param name="Issuer">The OAuth issuer.</param>
/// <param name="CsrfToken">Posted back as <c>csrf</c> when signing out.</param>
public sealed record HomeModel(string Organization, string? UserName, string McpUrl, string Issuer, string CsrfToken);
