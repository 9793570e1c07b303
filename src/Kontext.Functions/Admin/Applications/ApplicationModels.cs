using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Applications;

/// <summary>What the list of applications shows.</summary>
internal sealed record ApplicationsModel(AdminFrame Frame, IReadOnlyList<ApplicationBody> Items, string? Next) : AdminModel(Frame);

/// <summary>What the form for a new application shows.</summary>
/// <param name="Frame">What is around it.</param>
/// <param name="Form">What was entered.</param>
/// <param name="Integrations">What can be attached at once.</param>
internal sealed record NewApplicationModel(AdminFrame Frame, FormState Form, IReadOnlyList<IntegrationBody> Integrations) : AdminModel(Frame);

/// <summary>What the page of one application shows.</summary>
/// <param name="Frame">What is around it.</param>
/// <param name="Application">The application.</param>
/// <param name="OAuth">Its OAuth settings.</param>
/// <param name="Attached">Ids of its integrations.</param>
/// <param name="Integrations">All there are to attach.</param>
/// <param name="Sessions">Its live sessions.</param>
/// <param name="Form">What was entered on the page and refused; empty before.</param>
internal sealed record ApplicationModel(
    AdminFrame Frame, ApplicationBody Application, OAuthClientBody OAuth, IReadOnlyCollection<string> Attached, IReadOnlyList<IntegrationBody> Integrations, IReadOnlyList<SessionBody> Sessions, FormState Form) : AdminModel(Frame)
{
    /// <summary>The page's path.</summary>
    public string Path => $"{ApplicationsEndpoints.Path}/{Application.Id}";
}
