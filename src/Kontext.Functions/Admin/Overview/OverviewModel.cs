using Kontext.Functions.Admin.Parts;
using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Overview;

/// <summary>What the overview shows.</summary>
/// <param name="Frame">What is around it.</param>
/// <param name="Figures">The figures of the period.</param>
/// <param name="Attention">Connections that do not work, or soon will not.</param>
/// <param name="Failed">How much work was given up.</param>
/// <param name="Requests">How many requests of agents wait for a decision.</param>
/// <param name="Charts">The figures over time.</param>
internal sealed record OverviewModel(AdminFrame Frame, TraceStatisticsBody Figures, IReadOnlyList<AttentionItem> Attention, int Failed, int Requests, IReadOnlyList<ChartModel> Charts) : AdminModel(Frame);

/// <summary>A connection that needs somebody.</summary>
/// <param name="IntegrationId">The integration.</param>
/// <param name="Integration">Its name.</param>
/// <param name="Person">Whose it is.</param>
/// <param name="Reason">What is wrong.</param>
internal sealed record AttentionItem(string IntegrationId, string Integration, string Person, string Reason);
