using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.OAuth;
using Kontext.Testing;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>What an instance remembers of proofs at resources.</summary>
public sealed class RecentProofsTests : IDisposable
{
    private readonly ManualTime time = new(new DateTimeOffset(2026, 11, 21, 6, 0, 0, TimeSpan.Zero));
    private readonly DPoPKey key = new();

    public void Dispose() => key.Dispose();

    [Fact]
    public void A_proof_is_remembered_for_as_long_as_it_could_be_accepted_and_not_forever()
    {
        var recent = new RecentProofs(time);
        var proof = Proof();
        // Half a generation has gone by when it comes: it has to survive the turn.
        Assert.True(recent.TryAdd(Proof()));
        time.Advance(DPoPProofs.Memory / 2);
        Assert.True(recent.TryAdd(proof));
        for (var quarter = 1; quarter <= 4; quarter++)
        {
            time.Advance(DPoPProofs.Memory / 4);
            Assert.False(recent.TryAdd(proof));
        }
        time.Advance(2 * DPoPProofs.Memory);
        Assert.True(recent.TryAdd(Proof()));
        time.Advance(DPoPProofs.Memory);
        Assert.True(recent.TryAdd(proof));
    }

    [Fact]
    public void The_same_jti_of_another_key_is_another_proof()
    {
        using var other = new DPoPKey();
        var recent = new RecentProofs(time);
        Assert.True(recent.TryAdd(Proof("1")));
        Assert.False(recent.TryAdd(Proof("1")));
        Assert.True(recent.TryAdd(Read(other, "1")));
    }

    private DPoPProof Proof(string? id = null) => Read(key, id ?? RandomValue.ShortId());

    private static DPoPProof Read(DPoPKey key, string id)
    {
        Assert.True(DPoPProof.Read(key.Proof("GET", "https://kontext.example/mcp", change: (_, claims) => claims["jti"] = id)).TryGet(out var proof, out _));
        return proof;
    }
}
