namespace Kontext.Functions.Pages;

/// <summary>What the front page shows.</summary>
/// <param name="Organization">The organization people here belong to.</param>
/// <param name="Person">The person signed in; null for nobody.</param>
/// <param name="McpUrl">The gateway's address, to copy into an MCP client.</param>
/// <param name="Issuer">The OAuth issuer.</param>
public sealed record HomeModel(string Organization, PagePerson? Person, string McpUrl, string Issuer);
