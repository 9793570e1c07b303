using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Integrations;

/// <summary>What the list of integrations shows.</summary>
internal sealed record IntegrationListModel(AdminFrame Frame, IReadOnlyList<IntegrationBody> Items, string? Next) : AdminModel(Frame);

/// <summary>What the choice of a service to integrate shows.</summary>
/// <param name="Frame">What is around it.</param>
/// <param name="Providers">What the catalog has, or what a search found in it.</param>
/// <param name="Search">What was searched for; null for nothing.</param>
internal sealed record CatalogModel(AdminFrame Frame, IReadOnlyList<CatalogProviderBody> Providers, string? Search) : AdminModel(Frame);

/// <summary>What the form for a new integration shows.</summary>
/// <param name="Frame">What is around it.</param>
/// <param name="Provider">The service of the catalog; null for one by its address.</param>
/// <param name="Form">What was entered.</param>
internal sealed record NewIntegrationModel(AdminFrame Frame, CatalogProviderBody? Provider, FormState Form) : AdminModel(Frame);

/// <summary>What the page of one integration shows.</summary>
/// <param name="Frame">What is around it.</param>
/// <param name="Integration">The integration.</param>
/// <param name="Provider">Its entry in the catalog; null when it is not from there.</param>
/// <param name="Scopes">The scopes its provider knows.</param>
/// <param name="Tools">Its pinned tools.</param>
/// <param name="Connections">People's connections to it.</param>
/// <param name="Next">Where the next page of connections begins; null at the end.</param>
/// <param name="Form">What was entered on the page and refused; empty before.</param>
internal sealed record IntegrationModel(
    AdminFrame Frame, IntegrationBody Integration, CatalogProviderBody? Provider, IReadOnlyList<CatalogScopeBody> Scopes, IReadOnlyList<PinnedToolBody> Tools,
    IReadOnlyList<PersonConnectionBody> Connections, string? Next, FormState Form) : AdminModel(Frame)
{
    /// <summary>The page's path.</summary>
    public string Path => $"{IntegrationListEndpoints.Path}/{Integration.Id}";
}
