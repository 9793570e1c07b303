namespace Kontext.Functions.Pages;

/// <summary>What the page shows on which a person enters the code of an agent that waits for them.</summary>
/// <param name="UserName">The person signed in.</param>
/// <param name="Code">What the field holds: the code of the address, or what was typed; null for nothing.</param>
/// <param name="CsrfToken">Posted back as <c>csrf</c>.</param>
/// <param name="Error">What was wrong with the code; null for nothing.</param>
public sealed record DeviceModel(string UserName, string? Code, string CsrfToken, string? Error);

/// <summary>What the page shows that ends the device flow.</summary>
/// <param name="AgentName">The agent.</param>
/// <param name="Approved">What the person decided.</param>
public sealed record DeviceDoneModel(string AgentName, bool Approved);
