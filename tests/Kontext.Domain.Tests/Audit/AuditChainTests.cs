using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Kontext.Domain.Audit;
using Kontext.Domain.Policies;

namespace Kontext.Domain.Tests.Audit;

public sealed class AuditChainTests
{
    private static readonly OrgId Org = OrgId.From(Guid.Parse("0199a000-0000-7000-8000-000000000001"));
    private static readonly DateTimeOffset Noon = new(2026, 3, 4, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_hash_is_SHA256_over_the_predecessors_hash_and_the_stored_text()
    {
        var lines = Chain("c", 2);
        var seed = SHA256.HashData([.. new byte[32], .. Encoding.UTF8.GetBytes($"{Org}~c")]);
        var first = SHA256.HashData([.. seed, .. Encoding.UTF8.GetBytes(lines[0].Json)]);
        var second = SHA256.HashData([.. first, .. Encoding.UTF8.GetBytes(lines[1].Json)]);
        Assert.Equal(Base64Url.EncodeToString(first), lines[0].Hash);
        Assert.Equal(Base64Url.EncodeToString(second), lines[1].Hash);
    }

    [Fact]
    public void An_untouched_chain_verifies_to_its_head()
    {
        var lines = Chain("c", 20);
        var verdict = AuditChain.Verify(Org, lines);
        Assert.Null(verdict.Broken);
        Assert.Equal(20, verdict.Entries);
        Assert.Equal(lines[^1].Head, verdict.Heads["c"]);
    }

    [Fact]
    public void Chains_may_take_turns()
    {
        var (one, two) = (Chain("one", 5), Chain("two", 5));
        Assert.Null(AuditChain.Verify(Org, one.Zip(two).SelectMany(pair => new[] { pair.First, pair.Second })).Broken);
    }

    [Fact]
    public void A_part_of_a_chain_verifies_too() => Assert.Null(AuditChain.Verify(Org, Chain("c", 20)[7..]).Broken);

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(20)]
    public void A_changed_entry_is_found_and_named(int sequence)
    {
        var lines = Chain("c", 20);
        lines[sequence - 1] = lines[sequence - 1] with { Json = lines[sequence - 1].Json.Replace("ok", "no", StringComparison.Ordinal) };
        AssertBroken(sequence, lines);
    }

    [Fact]
    public void A_changed_entry_with_a_recomputed_hash_breaks_at_the_next_one()
    {
        var lines = Chain("c", 20);
        lines[6] = AuditChain.Append(lines[5].Head, lines[6].Json.Replace("ok", "no", StringComparison.Ordinal));
        AssertBroken(8, lines);
    }

    [Fact]
    public void A_removed_entry_is_found_and_named()
    {
        var lines = Chain("c", 20);
        lines.RemoveAt(6);
        AssertBroken(7, lines);
    }

    [Fact]
    public void An_inserted_entry_is_found_and_named()
    {
        var lines = Chain("c", 20);
        lines.Insert(6, AuditChain.Append(lines[5].Head, AuditChain.Serialize(Event(99))));
        AssertBroken(7, lines);
    }

    [Fact]
    public void Exchanged_entries_are_found_and_named()
    {
        var lines = Chain("c", 20);
        (lines[6], lines[7]) = (lines[7], lines[6]);
        AssertBroken(7, lines);
    }

    [Fact]
    public void Exchanged_events_are_found_even_when_the_numbers_stay()
    {
        var lines = Chain("c", 20);
        (lines[6], lines[7]) = (lines[6] with { Json = lines[7].Json }, lines[7] with { Json = lines[6].Json });
        AssertBroken(7, lines);
    }

    [Fact]
    public void A_chain_moved_to_another_organization_does_not_verify() =>
        Assert.Equal(1, AuditChain.Verify(OrgId.From(Guid.Parse("0199a000-0000-7000-8000-000000000002")), Chain("c", 3)).Broken?.Sequence);

    [Fact]
    public void An_export_can_be_read_back_and_verified()
    {
        var lines = Chain("c", 5);
        var read = lines.Select(line => AuditLine.Parse(line.ToText())).ToList();
        Assert.Equal(lines, read);
        Assert.Null(AuditChain.Verify(Org, read).Broken);
    }

    [Fact]
    public void A_line_that_cannot_be_read_is_named_by_its_place()
    {
        var lines = Chain("c", 3);
        lines[1] = AuditLine.ParseStored(lines[1].ToStoredText().Replace("\"hash\"", "\"hsah\"", StringComparison.Ordinal), lines[0].Head);
        AssertBroken(2, lines);
    }

    [Fact]
    public void An_event_comes_back_as_it_was()
    {
        var happened = Event(1) with
        {
            Agent = new AuditParty("app_1", "Émile \"the agent\" 😀"),
            User = new AuditParty("u", null),
            SessionId = "s",
            Capability = "github:create_issue",
            Scopes = ["repo", "read:org"],
            Target = "acme/frontend",
            ExpiresIn = "600s",
            DurationMs = 1.5,
            BytesIn = 12,
            Policy = new PolicyDecision(false, true,
            [
                new LayerDecision(PolicyLayer.Organization, true, new RuleId(Guid.Parse("0199a000-0000-7000-8000-00000000000a")), "rule allows"),
                new LayerDecision(PolicyLayer.User, false, null, "no consent"),
                new LayerDecision(PolicyLayer.Application, true, null, "attached"),
            ]),
        };
        var read = AuditChain.Append(AuditChain.Start(Org, "c"), AuditChain.Serialize(happened)).Read().Event;
        Assert.Equal(happened.Scopes, read.Scopes);
        Assert.Equal(happened.Policy!.Layers, read.Policy!.Layers);
        Assert.Equal(happened, read with { Scopes = happened.Scopes, Policy = happened.Policy });
        Assert.True(read.Policy.Enforced);
        Assert.False(read.Policy.Allowed);
    }

    [Fact]
    public void The_stored_text_is_stable_and_says_the_policy_per_layer()
    {
        var json = AuditChain.Serialize(Event(1) with { Policy = new PolicyDecision(false, true, [new LayerDecision(PolicyLayer.User, false, null, "no consent")]) });
        Assert.Equal("""{"at":"2026-03-04T12:00:01+00:00","type":"api.call","status":"ok","scopes":[],"policyEvaluation":{"allowed":false,"enforced":true,"user":{"effect":"deny","reason":"no consent"}}}""", json);
    }

    [Fact]
    public void Text_from_outside_cannot_make_an_entry_too_big_to_be_recorded() =>
        Assert.True(AuditChain.Serialize(Event(1) with { Target = new string('x', 1_000_000), ErrorMessage = new string('\ud83d', 1_000_000) }).Length < 64_000);

    [Fact]
    public void Checkpoints_show_that_the_end_of_a_chain_was_cut_off()
    {
        var lines = Chain("c", 10);
        var first = Sign(AuditCheckpoint.Next(null, Org, Noon, [lines[4].Head]));
        var second = Sign(AuditCheckpoint.Next(first, Org, Noon, [lines[9].Head]));
        Assert.Null(AuditCheckpoint.Verify([first, second], lines, IsSigned));
        Assert.Null(AuditChain.Verify(Org, lines[..8]).Broken);
        Assert.Contains("c.10", AuditCheckpoint.Verify([first, second], lines[..8], IsSigned), StringComparison.Ordinal);
    }

    [Fact]
    public void A_checkpoint_that_was_changed_or_removed_is_found()
    {
        var lines = Chain("c", 10);
        var first = Sign(AuditCheckpoint.Next(null, Org, Noon, [lines[1].Head]));
        var second = Sign(AuditCheckpoint.Next(first, Org, Noon, [lines[4].Head]));
        var third = Sign(AuditCheckpoint.Next(second, Org, Noon, [lines[9].Head]));
        Assert.Contains("checkpoint 3 does not follow", AuditCheckpoint.Verify([first, third], lines, IsSigned), StringComparison.Ordinal);
        var changed = second with { Json = second.Json.Replace(lines[4].Hash, lines[3].Hash, StringComparison.Ordinal) };
        Assert.Contains("checkpoint 2 is not signed", AuditCheckpoint.Verify([first, changed, third], lines, IsSigned), StringComparison.Ordinal);
    }

    [Fact]
    public void Chains_that_have_not_moved_need_no_new_checkpoint()
    {
        var lines = Chain("c", 2);
        var first = Sign(AuditCheckpoint.Next(null, Org, Noon, [lines[1].Head]));
        Assert.Null(AuditCheckpoint.Next(first, Org, Noon.AddHours(1), [lines[1].Head]));
        Assert.Null(AuditCheckpoint.Next(null, Org, Noon, []));
    }

    private static void AssertBroken(long sequence, IEnumerable<AuditLine> lines)
    {
        var broken = AuditChain.Verify(Org, lines).Broken;
        Assert.NotNull(broken);
        Assert.Equal(("c", sequence), (broken.Chain, broken.Sequence));
    }

    private static List<AuditLine> Chain(string chain, int count)
    {
        var lines = new List<AuditLine>();
        var head = AuditChain.Start(Org, chain);
        for (var number = 1; number <= count; number++)
        {
            lines.Add(AuditChain.Append(head, AuditChain.Serialize(Event(number))));
            head = lines[^1].Head;
        }
        return lines;
    }

    private static AuditEvent Event(int second) => new() { At = Noon.AddSeconds(second), Type = AuditTypes.ApiCall };

    private static AuditCheckpoint Sign(string? json) => new(json!, new AuditSignature("k", Convert.ToHexString(HMACSHA256.HashData("key"u8, AuditCheckpoint.BytesOf(json!)))));

    private static bool IsSigned(byte[] bytes, AuditSignature signature) => signature.Value == Convert.ToHexString(HMACSHA256.HashData("key"u8, bytes));
}
