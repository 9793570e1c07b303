namespace Kontext.Functions.Pages;

/// <summary>What a person sees when a provider's answer connected nothing.</summary>
/// <param name="IntegrationName">The service.</param>
/// <param name="Message">What happened.</param>
/// <param name="Back">The page of the services, where it was begun; null when that is gone.</param>
/// <param name="ReturnUrl">Where the person goes when done; null for nowhere.</param>
/// <param name="BackText">What the way to that page is called.</param>
public sealed record ConnectFailedModel(string IntegrationName, string Message, string? Back, string? ReturnUrl, string BackText = "Back to your services");
