namespace Kontext.Functions.Pages;

/// <summary>What a person sees after connecting a service.</summary>
/// <param name="IntegrationName">The service.</param>
/// <param name="Account">The account at the service; null when not known.</param>
/// <param name="Next">The page on which other services wait to be connected; null when none does.</param>
/// <param name="ReturnUrl">Where to go on to; null for nowhere, then the window can be closed.</param>
/// <param name="Notice">What they should know besides, such as permissions that were not granted; null for nothing.</param>
public sealed record ConnectDoneModel(string IntegrationName, string? Account, string? Next, string? ReturnUrl, string? Notice);
