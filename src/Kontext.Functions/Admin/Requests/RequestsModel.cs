using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Requests;

/// <summary>What the page of requests by agents shows.</summary>
/// <param name="Frame">What is around it.</param>
/// <param name="Open">What waits for a decision, oldest first.</param>
/// <param name="Decided">What was decided, newest first.</param>
internal sealed record RequestsModel(AdminFrame Frame, IReadOnlyList<CapabilityRequestBody> Open, IReadOnlyList<CapabilityRequestBody> Decided) : AdminModel(Frame);
