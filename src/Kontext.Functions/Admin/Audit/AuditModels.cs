using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Audit;

/// <summary>What the page of the audit trail shows.</summary>
/// <param name="Frame">What is around it.</param>
/// <param name="Filter">What was asked for.</param>
/// <param name="Items">The entries, newest first.</param>
/// <param name="Next">The time the next page begins with; null at the end.</param>
/// <param name="LookedBackTo">Only entries younger than this were looked at; null when all were.</param>
/// <param name="Archived">What is in the archive; null when nothing is.</param>
/// <param name="Applications">Names of applications to choose from.</param>
/// <param name="Integrations">Names of integrations to choose from.</param>
/// <param name="Today">The day it is in UTC.</param>
/// <param name="Verification">What verifying found; null when it was not asked.</param>
internal sealed record AuditModel(
    AdminFrame Frame, FormState Filter, IReadOnlyList<AuditEventBody> Items, string? Next, string? LookedBackTo, AuditArchivedBody? Archived, IReadOnlyList<(string Id, string Name)> Applications,
    IReadOnlyList<(string Id, string Name)> Integrations, string Today, AuditVerificationBody? Verification) : AdminModel(Frame);

/// <summary>What the list of traces shows.</summary>
/// <param name="Frame">What is around it.</param>
/// <param name="Filter">What was asked for.</param>
/// <param name="Items">The traces.</param>
/// <param name="Next">Where the next page begins; null at the end of the pages.</param>
/// <param name="LookedBackTo">The pages end here although there may be older traces; null when there are none.</param>
/// <param name="Applications">Names of applications to choose from.</param>
internal sealed record TracesModel(AdminFrame Frame, FormState Filter, IReadOnlyList<TraceBody> Items, string? Next, string? LookedBackTo, IReadOnlyList<(string Id, string Name)> Applications) : AdminModel(Frame);

/// <summary>What the page of one trace shows.</summary>
/// <param name="Frame">What is around it.</param>
/// <param name="Trace">The trace.</param>
/// <param name="Events">Its events.</param>
/// <param name="More">It has others, which are not shown.</param>
internal sealed record TraceModel(AdminFrame Frame, TraceBody Trace, IReadOnlyList<AuditEventBody> Events, bool More) : AdminModel(Frame);

/// <summary>What the page of failed work shows.</summary>
internal sealed record WorkModel(AdminFrame Frame, IReadOnlyList<FailedWorkBody> Items) : AdminModel(Frame);
