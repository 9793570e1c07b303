namespace Kontext.Functions.Pages;

/// <summary>What the page of the MCP servers shows that agents reach through Kontext (seed 004).</summary>
/// <param name="Person">The person.</param>
/// <param name="GatewayUrl">The address under which agents find all of them.</param>
/// <param name="Servers">The servers, by name.</param>
public sealed record McpServersModel(PagePerson Person, string GatewayUrl, IReadOnlyList<McpServerCard> Servers)
{
    /// <summary>Where the page is.</summary>
    public const string Path = "/mcps";
}

/// <summary>An MCP server of the organization.</summary>
/// <param name="Id">Its integration's id.</param>
/// <param name="Service">What people connect to use it.</param>
/// <param name="Name">Its name for people.</param>
/// <param name="Description">What it is good for; null when there is nothing to say.</param>
/// <param name="Host">Where it is.</param>
/// <param name="Url">The address under which agents find it alone.</param>
/// <param name="Need">What of the person it needs.</param>
/// <param name="Account">The account it is used with; null when there is none, or it is not known.</param>
/// <param name="Reason">Why the connection no longer works; null when there never was one, or it works.</param>
/// <param name="Capabilities">What it can do, as far as the organization wrote it down.</param>
public sealed record McpServerCard(
    string Id, McpServerService Service, string Name, string? Description, string Host, string Url, McpServerNeed Need, string? Account, string? Reason, IReadOnlyList<string> Capabilities);

/// <summary>What people connect to use an MCP server: itself, or the suite it is a product of.</summary>
/// <param name="Id">The integration's id.</param>
/// <param name="Name">Its name for people.</param>
public sealed record McpServerService(string Id, string Name);

/// <summary>What an MCP server needs before a person's agents can use it.</summary>
public enum McpServerNeed
{
    /// <summary>Nothing: it takes everybody, or the organization's own token.</summary>
    Nothing,

    /// <summary>A connection of the person's own, which is there.</summary>
    Connected,

    /// <summary>A connection of the person's own, which is not there or does not work.</summary>
    Connection,
}
