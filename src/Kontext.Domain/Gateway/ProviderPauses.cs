using System.Collections.Concurrent;
using Kontext.Domain.Vault;

namespace Kontext.Domain.Gateway;

/// <summary>How calls wait for an integration that asked for it.</summary>
/// <param name="Longest">The longest a call is held back; a longer wait is left to the agent.</param>
/// <param name="Waiting">How many calls of one person (or of one shared token) are held back at a time; further ones are refused.</param>
public sealed record PauseLimits(TimeSpan Longest, int Waiting);

/// <summary>Honours what integrations ask for when they limit requests (RFC 6585 section 4, RFC 9110 section 10.2.3): until then nothing is sent with the same person's credential. Kept in memory, by each instance for itself.</summary>
public sealed class ProviderPauses(PauseLimits limits, TimeProvider time)
{
    // An integration cannot shut itself off for longer than this by one answer.
    private static readonly TimeSpan LongestPause = TimeSpan.FromHours(1);

    // Calls held back go out one after the other, not as the next flood.
    private static readonly TimeSpan Apart = TimeSpan.FromMilliseconds(50);

    private const int MaxPauses = 10_000;
    private readonly ConcurrentDictionary<(OrgId Org, IntegrationId Integration, UserId? User), Pause> pauses = [];

    /// <summary>Remembers that an integration asked to wait.</summary>
    public void Note(AccessRequest access, TimeSpan wait)
    {
        var now = time.GetUtcNow();
        if (pauses.Count >= MaxPauses)
            Forget(now);
        pauses.GetOrAdd(KeyOf(access), static _ => new Pause()).Extend(now + (wait < LongestPause ? wait : LongestPause));
    }

    /// <summary>Waits until the integration may be called again. A failure at once when that takes too long or too many wait already; null when the call may go out.</summary>
    public async ValueTask<Failure?> HoldAsync(AccessRequest access, CancellationToken cancellationToken)
    {
        if (!pauses.TryGetValue(KeyOf(access), out var pause))
            return null;
        while (pause.Until - time.GetUtcNow() is var left && left > TimeSpan.Zero)
        {
            if (left > limits.Longest || !pause.TryEnter(limits.Waiting, out var ahead))
                return new Failure(FailureCode.RateLimited, $"{access.Integration.Name} is limiting requests. Try again later.") { RetryAfter = left };
            try
            {
                await Task.Delay(left + (ahead * Apart), time, cancellationToken);
            }
            finally
            {
                pause.Leave();
            }
        }
        return null;
    }

    // A shared token is everybody's: so is its limit.
    private static (OrgId Org, IntegrationId Integration, UserId? User) KeyOf(AccessRequest access) =>
        (access.Org, access.Integration.Id, access.Integration.NeedsConnection ? access.User?.Id : null);

    private void Forget(DateTimeOffset now)
    {
        foreach (var (key, pause) in pauses)
        {
            if (pause.Until <= now)
                pauses.TryRemove(key, out _);
        }
    }

    private sealed class Pause
    {
        private long until;
        private int waiting;

        public DateTimeOffset Until => new(Interlocked.Read(ref until), TimeSpan.Zero);

        public void Extend(DateTimeOffset end)
        {
            for (var current = Interlocked.Read(ref until); end.UtcTicks > current;)
            {
                var seen = Interlocked.CompareExchange(ref until, end.UtcTicks, current);
                if (seen == current)
                    return;
                current = seen;
            }
        }

        public bool TryEnter(int most, out int ahead)
        {
            ahead = Interlocked.Increment(ref waiting) - 1;
            if (ahead < most)
                return true;
            Leave();
            return false;
        }

        public void Leave() => Interlocked.Decrement(ref waiting);
    }
}
