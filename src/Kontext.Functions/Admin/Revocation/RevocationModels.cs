using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Revocation;

/// <summary>What the page of revocations shows.</summary>
/// <param name="Frame">What is around it.</param>
/// <param name="Items">What was cut off, newest first.</param>
/// <param name="Next">Where the next page begins; null at the end.</param>
/// <param name="Applications">What can be cut off.</param>
/// <param name="Integrations">Likewise.</param>
/// <param name="People">Likewise, those who were active lately.</param>
/// <param name="Form">What was entered.</param>
internal sealed record RevocationsModel(
    AdminFrame Frame, IReadOnlyList<RevocationBody> Items, string? Next, IReadOnlyList<(string Id, string Name)> Applications, IReadOnlyList<(string Id, string Name)> Integrations,
    IReadOnlyList<(string Id, string Name)> People, FormState Form) : AdminModel(Frame);

/// <summary>What the report of one revocation shows.</summary>
internal sealed record RevocationModel(AdminFrame Frame, RevocationBody Revocation) : AdminModel(Frame)
{
    /// <summary>The page's path.</summary>
    public string Path => $"{RevocationEndpoints.Path}/{Revocation.Id}";
}
