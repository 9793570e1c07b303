namespace Kontext.Functions.Pages;

/// <summary>What the page of one approval shows.</summary>
/// <param name="Person">The person.</param>
/// <param name="Id">The approval, in the form's address.</param>
/// <param name="Round">Posted back as <c>round</c>.</param>
/// <param name="AgentName">Who asks.</param>
/// <param name="ServiceName">The service.</param>
/// <param name="Operation">What is to be done there; null when the agent asks for the credential itself.</param>
/// <param name="Target">On what; null when unknown.</param>
/// <param name="Arguments">The arguments; null when there are none.</param>
/// <param name="Shortened">There is more than is shown.</param>
/// <param name="Reasons">Why it is asked.</param>
/// <param name="AskedAt">When it was asked.</param>
/// <param name="ExpiresAt">When the question ends.</param>
/// <param name="Open">It can be decided about.</param>
/// <param name="Outcome">What became of it, when it cannot.</param>
public sealed record ApprovalModel(
    PagePerson Person, string Id, int Round, string AgentName, string ServiceName, string? Operation, string? Target, string? Arguments, bool Shortened, IReadOnlyList<string> Reasons,
    DateTimeOffset AskedAt, DateTimeOffset ExpiresAt, bool Open, string Outcome);

/// <summary>What the list of a person's open approvals shows.</summary>
/// <param name="Person">The person.</param>
/// <param name="Waiting">What waits for them, oldest first.</param>
public sealed record ApprovalsModel(PagePerson Person, IReadOnlyList<ApprovalModel> Waiting);
