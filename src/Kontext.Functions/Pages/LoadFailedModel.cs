namespace Kontext.Functions.Pages;

/// <summary>What the page shows when a list could not be loaded.</summary>
/// <param name="Person">The person; null when even that could not be found out.</param>
/// <param name="What">What was to be loaded, in words.</param>
/// <param name="Path">The page that shows it.</param>
/// <param name="Address">The same with what was asked of it.</param>
/// <param name="Reason">Why it could not be loaded.</param>
public sealed record LoadFailedModel(PagePerson? Person, string What, string Path, string Address, string Reason);
