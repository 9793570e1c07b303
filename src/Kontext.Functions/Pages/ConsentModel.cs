namespace Kontext.Functions.Pages;

/// <summary>What a person approves or refuses: who asks, for which organization, as whom, for what, for how long, and where the answer goes.</summary>
/// <param name="AgentName">The agent's name, as its owner (or the agent itself) gave it.</param>
/// <param name="Publisher">Who vouches for the agent; null when nobody does, which the page marks as a risk.</param>
/// <param name="RegistrationNote">How the agent came to be known here, in a sentence.</param>
/// <param name="RedirectHost">Host (or scheme, for an app's own scheme) that receives the answer.</param>
/// <param name="RedirectIsThisMachine">The answer goes to a loopback address: any program on the person's computer could be listening.</param>
/// <param name="Organization">The organization the agent will act in.</param>
/// <param name="UserName">The person it will act as.</param>
/// <param name="Integrations">Services the person can include or leave out, one checkbox <c>integration</c> each.</param>
/// <param name="ScopeSentences">What it will be able to do, in sentences, the weightiest first.</param>
/// <param name="AllowedBefore">What the person has allowed this agent before and is not asked again, in sentences; empty for a first request.</param>
/// <param name="Cannot">What it will not be able to do, in sentences.</param>
/// <param name="Duration">For how long, to follow "Expires in": <c>1 hour</c>.</param>
/// <param name="RequestFields">The authorization request, posted back as <c>request</c>.</param>
/// <param name="CsrfToken">Posted back as <c>csrf</c>.</param>
/// <param name="Action">Where the form goes. The button pressed is posted as <c>decision</c>: <c>approve</c> or <c>deny</c>.</param>
public sealed record ConsentModel(
    string AgentName,
    string? Publisher,
    string RegistrationNote,
    string RedirectHost,
    bool RedirectIsThisMachine,
    string Organization,
    string UserName,
    IReadOnlyList<ConsentIntegration> Integrations,
    IReadOnlyList<ConsentSentence> ScopeSentences,
    IReadOnlyList<ConsentSentence> AllowedBefore,
    IReadOnlyList<string> Cannot,
    string Duration,
    string RequestFields,
    string CsrfToken,
    string Action)
{
    /// <summary>The code that an agent on another device showed, as it is shown there; null in the browser flow.</summary>
    public string? UserCode { get; init; }

    /// <summary>The person pressed Allow without saying that they started the agent.</summary>
    public bool Unconfirmed { get; init; }
}

/// <summary>How much a sentence of the consent page asks for.</summary>
public enum ConsentWeight
{
    /// <summary>What one expects.</summary>
    Ordinary,

    /// <summary>Worth a thought.</summary>
    Careful,

    /// <summary>It could do lasting harm.</summary>
    Grave,
}

/// <summary>Something the agent will be able to do.</summary>
/// <param name="Text">In words.</param>
/// <param name="Weight">How much it is.</param>
public sealed record ConsentSentence(string Text, ConsentWeight Weight = ConsentWeight.Ordinary);

/// <summary>A service on the consent page.</summary>
/// <param name="Id">Value of its checkbox.</param>
/// <param name="Name">Its name.</param>
/// <param name="Url">Its address.</param>
/// <param name="Destroying">What can be done with it that may not be undone; never out of sight.</param>
/// <param name="Writing">What changes things.</param>
/// <param name="Reading">What only looks.</param>
/// <param name="Connected">The person has a usable connection.</param>
/// <param name="NeedsConnection">Each person needs a connection of their own.</param>
/// <param name="Checked">Whether it is included unless the person decides otherwise.</param>
public sealed record ConsentIntegration(
    string Id, string Name, string Url, IReadOnlyList<string> Destroying, IReadOnlyList<string> Writing, IReadOnlyList<string> Reading, bool Connected, bool NeedsConnection, bool Checked = true);
