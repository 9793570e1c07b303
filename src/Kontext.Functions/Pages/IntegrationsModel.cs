namespace Kontext.Functions.Pages;

/// <summary>What the page of a person's own connections shows (seed 004).</summary>
/// <param name="Person">The person.</param>
/// <param name="Cards">What there is to connect, by name.</param>
public sealed record IntegrationsModel(PagePerson Person, IReadOnlyList<IntegrationCard> Cards)
{
    /// <summary>Where the page is.</summary>
    public const string Path = "/integrations";
}

/// <summary>A service on that page.</summary>
/// <param name="Service">Its name, its fields, and whether and as whom it is connected.</param>
/// <param name="Path">Prefix of its forms' targets: <c>/connect</c>, <c>/token</c>, <c>/validate</c> and <c>/disconnect</c> are appended.</param>
/// <param name="Description">What it is good for; null when there is nothing to say.</param>
/// <param name="Validity"><c>Valid</c>, <c>Invalid</c> or <c>Unknown</c>, of what is stored; null when nothing is.</param>
/// <param name="CheckedAt">When the service was last asked; null when never.</param>
/// <param name="CheckMessage">What came of asking; null when there is nothing to say.</param>
/// <param name="Missing">What has to be set up before anybody can connect it; null when nothing.</param>
public sealed record IntegrationCard(
    ConnectCard Service, string Path, string? Description, string? Validity, DateTimeOffset? CheckedAt, string? CheckMessage, string? Missing)
{
    /// <summary>What ending the connection means, said before it is done.</summary>
    public string DisconnectMeans => $"Agents can no longer use {Service.Name} for you until you connect it again.";
}
