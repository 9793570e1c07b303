namespace Kontext.Functions.Pages;

/// <summary>What the page of a person's agent sessions shows.</summary>
/// <param name="Person">The person.</param>
/// <param name="Live">Sessions that can be used, newest first.</param>
/// <param name="Past">Sessions that have ended, newest first.</param>
public sealed record SessionsModel(PagePerson Person, IReadOnlyList<SessionCard> Live, IReadOnlyList<PastSession> Past);

/// <summary>An agent that can act for the person now.</summary>
/// <param name="Id">Posted as <c>session</c> to end it.</param>
/// <param name="AgentName">The agent.</param>
/// <param name="Services">Names of the services approved.</param>
/// <param name="ApprovedAt">When the person approved.</param>
/// <param name="ExpiresAt">When the approval ends by itself.</param>
/// <param name="LastActiveAt">When it was last seen; null when never.</param>
/// <param name="Hostname">The computer it runs on, as it says; null when unknown.</param>
/// <param name="UserAgent">The program it is, as it says; null when unknown.</param>
/// <param name="Lately">What it did last, newest first.</param>
public sealed record SessionCard(
    string Id, string AgentName, IReadOnlyList<string> Services, DateTimeOffset ApprovedAt, DateTimeOffset ExpiresAt, DateTimeOffset? LastActiveAt, string? Hostname, string? UserAgent, IReadOnlyList<LateAction> Lately);

/// <summary>Something an agent did.</summary>
/// <param name="At">When.</param>
/// <param name="What">The tool, the operation, or the credential.</param>
/// <param name="Trouble">What went wrong, in few words; null when nothing did.</param>
public sealed record LateAction(DateTimeOffset At, string What, string? Trouble);

/// <summary>A session that has ended.</summary>
/// <param name="AgentName">The agent.</param>
/// <param name="ApprovedAt">When the person approved.</param>
/// <param name="EndedAt">When it ended.</param>
/// <param name="Reason">Why, in words.</param>
public sealed record PastSession(string AgentName, DateTimeOffset ApprovedAt, DateTimeOffset EndedAt, string Reason);
