using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Kontext.Domain.Audit;

namespace Kontext.Domain.Tests.Audit;

public sealed class AuditExportVerificationTests : IDisposable
{
    private static readonly OrgId Org = OrgId.From(Guid.Parse("0199a000-0000-7000-8000-000000000001"));
    private static readonly DateTimeOffset Noon = new(2026, 3, 4, 12, 0, 0, TimeSpan.Zero);
    private static readonly DateOnly Day = DateOnly.FromDateTime(Noon.UtcDateTime);
    private readonly ECDsa ours = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly ECDsa foreign = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public void Dispose()
    {
        ours.Dispose();
        foreign.Dispose();
    }

    [Fact]
    public void An_untouched_export_holds()
    {
        var verdict = Verify(Export());
        Assert.Null(verdict.Fault);
        Assert.Equal((10L, 2L, 2, 2), (verdict.Entries, verdict.EntriesBefore, verdict.Chains, verdict.Checkpoints));
        Assert.Equal(Noon.AddMinutes(5), verdict.LastCheckpoint);
        Assert.Equal(["ours"], verdict.SignedBy);
    }

    [Fact]
    public void An_export_without_entries_holds() => Assert.Null(Verify(Export(entries: 0)).Fault);

    [Fact]
    public void An_export_that_takes_chains_up_in_the_middle_holds() => Assert.Null(Verify(Export(skip: 3)).Fault);

    [Theory]
    [InlineData("one", 3)]
    [InlineData("one", 6)]
    [InlineData("two", 1)]
    public void A_changed_entry_is_named(string chain, int sequence)
    {
        var lines = Export();
        var at = Find(lines, chain, sequence);
        lines[at] = lines[at].Replace("api.call", "api.cell", StringComparison.Ordinal);
        AssertFault(lines, at + 1, chain, sequence, "changed");
    }

    [Theory]
    [InlineData(3, "does not follow")]
    [InlineData(4, "not the one that checkpoint 1 states")]
    public void A_changed_entry_whose_hash_was_computed_again_is_found_by_its_successor_or_a_checkpoint(int sequence, string reason)
    {
        var lines = Export();
        var at = Find(lines, "one", sequence);
        var line = AuditLine.Parse(lines[at]);
        lines[at] = Text(AuditChain.Append(new ChainHead("one", sequence - 1, line.Previous), line.Json.Replace("ok", "no", StringComparison.Ordinal)));
        AssertFault(lines, Find(lines, "one", 4) + 1, "one", 4, reason);
    }

    [Fact]
    public void A_member_added_to_an_entry_outside_its_hash_is_named()
    {
        var lines = Export();
        var at = Find(lines, "one", 3);
        lines[at] = lines[at][..^1] + ",\"note\":\"approved\"}";
        AssertFault(lines, at + 1, "one", 3, "changed");
    }

    [Theory]
    [InlineData("one", 3)]
    [InlineData("one", 5)]
    [InlineData("two", 4)]
    public void A_removed_entry_is_named(string chain, int sequence)
    {
        var lines = Export();
        lines.RemoveAt(Find(lines, chain, sequence));
        AssertFault(lines, Find(lines, chain, sequence + 1) + 1, chain, sequence, "missing");
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(3, 4)]
    public void A_removed_first_entry_of_a_chain_is_named(int skip, int first)
    {
        var lines = Export(skip: skip);
        lines.RemoveAt(Find(lines, "one", first));
        AssertFault(lines, Find(lines, "one", first + 1) + 1, "one", first, "missing");
    }

    [Fact]
    public void An_inserted_entry_is_named()
    {
        var lines = Export();
        var at = Find(lines, "one", 2);
        var line = AuditLine.Parse(lines[at]);
        lines.Insert(at + 1, Text(AuditChain.Append(line.Head, line.Json)));
        AssertFault(lines, Find(lines, "two", 2) + 2, "one", 3, "repeated");
    }

    [Fact]
    public void An_entry_appended_to_a_chain_is_named()
    {
        var lines = Export();
        var at = Find(lines, "one", 6);
        var line = AuditLine.Parse(lines[at]);
        lines.Insert(at + 1, Text(AuditChain.Append(line.Head, line.Json)));
        AssertFault(lines, at + 2, "one", 7, "inserted");
    }

    [Fact]
    public void An_inserted_chain_is_named()
    {
        var lines = Export();
        var at = Find(lines, "one", 6);
        lines.Insert(at, Text(AuditChain.Append(AuditChain.Start(Org, "three"), Event(1))));
        AssertFault(lines, at + 1, "three", 1, "inserted");
    }

    [Fact]
    public void Reordered_entries_are_named()
    {
        var lines = Export();
        var (at, next) = (Find(lines, "one", 3), Find(lines, "one", 4));
        (lines[at], lines[next]) = (lines[next], lines[at]);
        AssertFault(lines, at + 1, "one", 3, "out of order");
    }

    [Fact]
    public void A_chain_end_cut_off_before_a_checkpoint_names_the_checkpoint()
    {
        var lines = Export();
        for (var sequence = 6; sequence >= 4; sequence--)
            lines.RemoveAt(Find(lines, "one", sequence));
        AssertFault(lines, Find(lines, "one", 3) + 1, "one", 4, "checkpoint 1 states entry 4");
    }

    [Fact]
    public void A_chain_end_cut_off_after_the_newest_checkpoint_is_named()
    {
        var lines = Export();
        lines.RemoveAt(Find(lines, "two", 6));
        AssertFault(lines, Find(lines, "two", 5) + 1, "two", 6, "the seal states entry 6");
    }

    [Fact]
    public void A_chain_lost_before_the_export_is_missed_by_its_checkpoint() =>
        AssertFault(Export(lost: "two"), null, "two", 4, "checkpoint 1 states entry 4");

    [Fact]
    public void A_changed_checkpoint_is_named()
    {
        var lines = Export();
        var at = FirstCheckpoint(lines);
        var changed = lines[at].Replace("sequence\\u0022:4", "sequence\\u0022:3", StringComparison.Ordinal);
        Assert.NotEqual(lines[at], changed);
        lines[at] = changed;
        AssertFault(lines, at + 1, null, null, "changed or has a foreign signature");
    }

    [Fact]
    public void A_removed_checkpoint_is_named()
    {
        var at = FirstCheckpoint(Export());
        var withoutLast = Export();
        withoutLast.RemoveAt(at + 1);
        AssertFault(withoutLast, at + 1, null, null, "checkpoints are missing");
        var withoutFirst = Export();
        withoutFirst.RemoveAt(at);
        AssertFault(withoutFirst, at + 1, null, null, "checkpoints are missing");
    }

    [Fact]
    public void A_checkpoint_signed_with_a_foreign_key_is_named()
    {
        var lines = Export(checkpointSigner: foreign);
        AssertFault(lines, FirstCheckpoint(lines) + 1, null, null, "foreign signature");
    }

    [Fact]
    public void An_export_forged_whole_with_another_key_is_refused_by_the_known_keys()
    {
        var forged = Export(signer: foreign, kid: "theirs");
        Assert.Null(Verify(forged).Fault);
        Assert.Contains("foreign signature", Verify(forged, Known()).Fault?.Reason, StringComparison.Ordinal);
        var sameName = Export(signer: foreign);
        Assert.Null(Verify(sameName).Fault);
        Assert.Contains("another key", Verify(sameName, Known()).Fault?.Reason, StringComparison.Ordinal);
        Assert.Null(Verify(Export(), Known()).Fault);
    }

    [Theory]
    [InlineData("\"to\":\"2026-03-04\"", "\"to\":\"2026-03-05\"")]
    [InlineData("000000000001", "000000000002")]
    [InlineData("https://k", "https://j")]
    public void A_changed_period_organization_or_issuer_is_found(string was, string becomes)
    {
        var lines = Export(checkpoints: false);
        lines[0] = lines[0].Replace(was, becomes, StringComparison.Ordinal);
        AssertFault(lines, 1, null, null, "first line was changed");
    }

    [Fact]
    public void A_file_that_broke_off_is_found_wherever_it_did()
    {
        var lines = Export();
        for (var count = 1; count < lines.Count; count++)
            AssertFault(lines[..count], count, null, null, "seal");
    }

    [Fact]
    public void A_line_of_another_kind_or_after_the_end_is_named()
    {
        var lines = Export();
        AssertFault([.. lines, lines[3]], lines.Count + 1, null, null, "out of order");
        AssertFault([.. lines, "{}"], lines.Count + 1, null, null, "not one of an export");
        lines.Insert(4, "");
        AssertFault(lines, 5, null, null, "not one of an export");
    }

    [Fact]
    public void No_single_changed_character_goes_unnoticed()
    {
        var lines = Export();
        for (var line = 1; line < lines.Count; line++)
        {
            for (var at = 0; at < lines[line].Length; at += 7)
            {
                var changed = new List<string>(lines);
                changed[line] = string.Concat(lines[line].AsSpan(0, at), lines[line][at] == '0' ? "1" : "0", lines[line].AsSpan(at + 1));
                Assert.True(Verify(changed).Fault is not null, $"line {line + 1}, character {at}: {changed[line]}");
            }
        }
    }

    [Theory]
    [InlineData()]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("PK\u0003\u0004")]
    [InlineData("{\"kind\":\"export\"}")]
    public void What_is_no_export_is_not_tried(params string[] lines) => Assert.False(AuditExportVerification.Run(() => lines, null).TryGet(out _, out _));

    private static string Event(int number) => AuditChain.Serialize(new AuditEvent { At = Noon.AddSeconds(number), Type = AuditTypes.ApiCall, Target = $"target {number}" });

    private static string Text(AuditLine line) => AuditExportLines.Text(line, beforePeriod: false);

    private static int Find(List<string> lines, string chain, int sequence) =>
        lines.FindIndex(line => line.Contains($"\"chain\":\"{chain}\"", StringComparison.Ordinal) && line.Contains($"\"sequence\":{sequence},\"hash\"", StringComparison.Ordinal));

    private static int FirstCheckpoint(List<string> lines) => lines.FindIndex(line => line.StartsWith("{\"kind\":\"checkpoint\"", StringComparison.Ordinal));

    private static AuditExportVerdict Verify(List<string> lines, Dictionary<string, AuditKey>? trusted = null) =>
        AuditExportVerification.Run(() => lines, trusted).TryGet(out var verdict, out var failure) ? verdict : throw new InvalidOperationException(failure.Message);

    private static void AssertFault(List<string> lines, int? line, string? chain, int? sequence, string reason)
    {
        var fault = Verify(lines).Fault;
        Assert.NotNull(fault);
        Assert.Contains(reason, fault.Reason, StringComparison.Ordinal);
        Assert.Equal((line ?? fault.Line, chain, sequence), (fault.Line, fault.Chain, fault.Sequence));
    }

    private static AuditSignature Sign(ECDsa key, string kid, string text) =>
        new(kid, Base64Url.EncodeToString(key.SignData(Encoding.UTF8.GetBytes(text), HashAlgorithmName.SHA256)));

    private static AuditKey Public(ECDsa key, string kid)
    {
        var point = key.ExportParameters(includePrivateParameters: false).Q;
        return AuditKey.Of(kid, Base64Url.EncodeToString(point.X), Base64Url.EncodeToString(point.Y));
    }

    private Dictionary<string, AuditKey> Known() => new() { ["ours"] = Public(ours, "ours") };

    /// <summary>Two chains that take turns, their first entries from the day before; checkpoints over their fourth and fifth entries.</summary>
    private List<string> Export(int entries = 6, int skip = 0, string? lost = null, bool checkpoints = true, ECDsa? signer = null, ECDsa? checkpointSigner = null, string kid = "ours")
    {
        var header = AuditExportLines.HeaderOf("https://k", Org, Day, Day, Noon.AddHours(1));
        var tally = new AuditExportTally();
        var lines = new List<string> { AuditExportLines.Text(header) };
        var chains = new Dictionary<string, List<AuditLine>>();
        foreach (var chain in new[] { "one", "two" })
        {
            var head = AuditChain.Start(Org, chain);
            chains[chain] = [];
            for (var number = 1; number <= entries; number++)
            {
                chains[chain].Add(AuditChain.Append(head, Event(number)));
                head = chains[chain][^1].Head;
            }
        }
        for (var index = skip; index < entries; index++)
        {
            foreach (var line in chains.Where(chain => chain.Key != lost).Select(chain => chain.Value[index]))
            {
                tally.Add(line, beforePeriod: index == 0);
                lines.Add(AuditExportLines.Text(line, beforePeriod: index == 0));
            }
        }
        var taken = new List<AuditCheckpoint>();
        foreach (var sequence in entries > 0 && checkpoints ? new[] { 4, 5 } : [])
        {
            var json = AuditCheckpoint.Next(taken.LastOrDefault(), Org, Noon.AddMinutes(sequence), chains.Values.Select(chain => chain[sequence - 1].Head))!;
            taken.Add(new AuditCheckpoint(json, Sign(checkpointSigner ?? signer ?? ours, kid, json)));
        }
        lines.AddRange(taken.Select(AuditExportLines.Text));
        lines.Add(AuditExportLines.Text(Public(signer ?? ours, kid)));
        var statement = AuditExportLines.Statement(tally.Seal(header, taken));
        lines.Add(AuditExportLines.SealText(statement, Sign(signer ?? ours, kid, statement)));
        return lines;
    }
}
