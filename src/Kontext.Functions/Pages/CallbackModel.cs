namespace Kontext.Functions.Pages;

/// <summary>What the page shows to which a provider's answer is taken (seed 004): what came back, to be redeemed, or why that failed.</summary>
/// <param name="Person">The person.</param>
/// <param name="Organization">Id of the organization, in the API's address; null when it failed.</param>
/// <param name="Service">The service, as the address names it.</param>
/// <param name="Name">The service, for people.</param>
/// <param name="Answer">The parameters the provider's redirect brought; empty when it failed.</param>
/// <param name="Error">Why it failed; null while it has not.</param>
public sealed record CallbackModel(PagePerson Person, string? Organization, string Service, string Name, IReadOnlyList<KeyValuePair<string, string>> Answer, string? Error)
{
    /// <summary>The page with what went wrong.</summary>
    internal static CallbackModel Failed(PagePerson person, string service, string name, string error) => new(person, null, service, name, [], error);
}
