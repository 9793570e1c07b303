using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Policies;

namespace Kontext.Functions.Api;

/// <summary>Holds a set of rules against the decisions of a period, and answers exactly those that would come out otherwise. For owners and admins; nothing is changed.</summary>
internal sealed class PolicyReplayApi(IAuditExport trail, IPolicyStore policies, PolicyRuleReading reading, TimeProvider time)
{
    private const int MaxDays = 31;
    private const int MaxBodyBytes = 64 * 1024 * 1024;

    // What one answer may cost; the rest is for the next page.
    private const int MaxEntries = 100_000;
    private const string DecisionMember = "\"policyEvaluation\"";

    public static void Map(RouteGroupBuilder api) => api.MapPost("/policy/replay", (HttpContext context, PolicyReplayApi self) => self.ReplayAsync(context)).WithMetadata(new Question());

    private async Task<IResult> ReplayAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!(await Api.ReadAsync(context, ApiJson.Default.PolicyReplayInput, MaxBodyBytes)).TryGet(out var input, out var failure)
            || !StartOf(input).TryGet(out var start, out failure))
            return ApiErrors.Of(context, failure);
        var current = (await policies.FindAsync(caller.Org, context.RequestAborted)).Value;
        if (!(await reading.AllAsync(caller, input.Rules, current.Rules, context.RequestAborted)).TryGet(out var rules, out failure))
            return ApiErrors.Of(context, failure);
        var page = new ReplayPage(PolicySet.Compile(new PolicyRules(current.Revision, [.. rules])), input.Limit ?? 50, input.IncludeUndecidable);
        return (await RunAsync(caller.Org, start, page, context.RequestAborted)).TryGet(out var next, out failure)
            ? Api.Ok(page.Body(start, next is null ? null : Write(next)) with { Archived = await ArchivedAsync(caller.Org, start.From, context.RequestAborted) }, ApiJson.Default.PolicyReplayBody)
            : ApiErrors.Of(context, failure);
    }

    /// <summary>Reads on from where the cursor stands until the page is full; gives where the next one begins, null at the end.</summary>
    private async Task<Result<PolicyReplayCursor?>> RunAsync(OrgId org, PolicyReplayCursor start, ReplayPage page, CancellationToken cancellationToken)
    {
        var skipping = start.Chain.Length > 0;
        var entries = 0;
        // An entry is kept on the day it was written, which may be the one after it happened.
        for (var day = start.Day; day <= DateOnly.FromDateTime(start.To.UtcDateTime).AddDays(1); day = day.AddDays(1))
        {
            var places = skipping ? trail.ReadFromAsync(org, day, start.Chain, start.Sequence, start.Segment, start.Block, cancellationToken) : trail.ReadAsync(org, day, cancellationToken);
            await foreach (var (line, segment, block) in places)
            {
                // The entry the page before ended with.
                if (skipping)
                {
                    skipping = false;
                    continue;
                }
                if (line.Json.Contains(DecisionMember, StringComparison.Ordinal) && line.Read() is var entry && entry.Event.At >= start.From && entry.Event.At < start.To)
                    page.Add(entry);
                if (page.IsFull || ++entries == MaxEntries)
                    return start with { Day = day, Chain = line.Chain, Sequence = line.Sequence, Segment = segment, Block = block };
            }
            if (skipping)
                return new Failure(FailureCode.InvalidRequest, "The cursor's place in the audit trail is gone. Begin again without it.");
        }
        return Result.Of<PolicyReplayCursor?>(null);
    }

    /// <summary>What is archived of a period that begins then. An entry is archived with the day it was written on, which is never before it happened.</summary>
    private async Task<AuditArchivedBody?> ArchivedAsync(OrgId org, DateTimeOffset from, CancellationToken cancellationToken) =>
        await trail.ArchivedAsync(org, cancellationToken) is { } archived && archived.Through >= DateOnly.FromDateTime(from.UtcDateTime) ? AuditArchivedBody.Of(archived, withPlace: true) : null;

    private Result<PolicyReplayCursor> StartOf(PolicyReplayInput input)
    {
        var errors = new Dictionary<string, string>();
        if (input.Limit is < 1 or > 200)
            errors["limit"] = "Has to be a number from 1 to 200.";
        var rules = HashOf(input);
        if (input.Cursor is { Length: > 0 } text)
        {
            if (Read(text) is not { } cursor)
                errors["cursor"] = "Is not one this server gave out. Begin again without it.";
            else if (cursor.Rules != rules)
                errors["cursor"] = "Belongs to other rules. Begin again without it.";
            else if (errors.Count == 0)
                return cursor;
            return Api.Invalid(errors);
        }
        var now = time.GetUtcNow();
        // What is still to come has no decisions to replay, and later pages must not find more than earlier ones.
        var to = input.To is { } end && end < now ? end : now;
        if (input.From is null == input.Hours is null)
            errors["from"] = "Give the beginning of the period, or its length as hours.";
        else if (input.Hours is < 1 or > 24 * MaxDays)
            errors["hours"] = $"Has to be a number from 1 to {24 * MaxDays}.";
        else if (input.From is { } from && (from >= to || to - from > TimeSpan.FromDays(MaxDays)))
            errors["from"] = $"Has to be before the end of the period, by at most {MaxDays} days.";
        if (errors.Count > 0)
            return Api.Invalid(errors);
        var beginning = input.From?.ToUniversalTime() ?? to.AddHours(-input.Hours!.Value);
        return new PolicyReplayCursor(rules, beginning, to.ToUniversalTime(), DateOnly.FromDateTime(beginning.UtcDateTime), "", 0, 0, 0);
    }

    private static string HashOf(PolicyReplayInput input) =>
        Base64Url.EncodeToString(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(new PolicyReplayInput { Rules = input.Rules }, ApiJson.Default.PolicyReplayInput)));

    private static string Write(PolicyReplayCursor cursor) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(cursor, ApiJson.Default.PolicyReplayCursor));

    private static PolicyReplayCursor? Read(string text)
    {
        try
        {
            var cursor = Base64Url.IsValid(text) ? JsonSerializer.Deserialize(Base64Url.DecodeFromChars(text), ApiJson.Default.PolicyReplayCursor) : null;
            // The caller could have made it: it must not make us read more than a period may be long.
            return cursor is { Rules: not null, Chain: not null } && cursor.From < cursor.To && cursor.To - cursor.From <= TimeSpan.FromDays(MaxDays)
                && cursor.Day >= DateOnly.FromDateTime(cursor.From.UtcDateTime) && cursor.To < DateTimeOffset.MaxValue.AddDays(-2) && cursor is { Segment: >= 0, Block: >= 0 } ? cursor : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>A page while it fills.</summary>
    private sealed class ReplayPage(PolicySet rules, int limit, bool includeUndecidable)
    {
        private readonly List<ReplayedDecisionBody> items = [];
        private int examined;
        private int unchanged;
        private int changed;
        private int withoutArguments;
        private int withoutFacts;

        public bool IsFull => items.Count == limit;

        public void Add(AuditEntry entry)
        {
            if (PolicyReplay.Run(rules, entry.Event) is not { } replayed)
                return;
            examined++;
            if (replayed.Outcome == ReplayOutcome.Unchanged)
                unchanged++;
            else if (replayed.Outcome == ReplayOutcome.Changed)
                changed++;
            else if (replayed.Gap == ReplayGap.Arguments)
                withoutArguments++;
            else
                withoutFacts++;
            if (replayed.Outcome == ReplayOutcome.Changed || (includeUndecidable && replayed.Outcome == ReplayOutcome.Undecidable))
                items.Add(ReplayedDecisionBody.Of(entry, replayed));
        }

        public PolicyReplayBody Body(PolicyReplayCursor period, string? nextCursor) => new(
            Wire.Time(period.From), Wire.Time(period.To),
            new ReplayCountsBody(examined, unchanged, changed, withoutArguments + withoutFacts, new UndecidableBody(withoutArguments, withoutFacts)), items, nextCursor);
    }
}
