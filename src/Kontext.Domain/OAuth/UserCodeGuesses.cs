namespace Kontext.Domain.OAuth;

/// <summary>How many user codes somebody tried in vain.</summary>
/// <param name="Count">How many, since.</param>
/// <param name="Since">When counting began.</param>
public sealed record WrongUserCodes(int Count, DateTimeOffset Since);

/// <summary>Keeps the counts.</summary>
public interface IWrongUserCodeStore
{
    /// <summary>The count of a person or browser; null when there is none.</summary>
    Task<Versioned<WrongUserCodes>?> FindAsync(OrgId org, string who, CancellationToken cancellationToken);

    /// <summary>Begins a count; false when somebody began it at the same time.</summary>
    Task<bool> InsertAsync(OrgId org, string who, WrongUserCodes count, CancellationToken cancellationToken);

    /// <summary>Writes if nobody wrote since; false when somebody did.</summary>
    Task<bool> ReplaceAsync(OrgId org, string who, Versioned<WrongUserCodes> current, WrongUserCodes next, CancellationToken cancellationToken);
}

/// <summary>What an attempt to enter a user code may do.</summary>
/// <param name="RetryAfter">Null to go on; otherwise when to try again.</param>
/// <param name="First">It is the first attempt that was one too many, which is recorded.</param>
public readonly record struct GuessAllowance(TimeSpan? RetryAfter, bool First);

/// <summary>Bounds how many user codes can be tried, which are short enough to guess (RFC 8628 section 5.1). An attempt is counted before the code is looked up and given back when it was right, so that many at once gain nothing.</summary>
public sealed class UserCodeGuesses(IWrongUserCodeStore counts, TimeProvider time)
{
    /// <summary>How many wrong codes one browser session may try within <see cref="Window"/>.</summary>
    public const int PerBrowser = 5;

    /// <summary>How many wrong codes one person may try within <see cref="Window"/>, in whatever browsers.</summary>
    public const int PerPerson = 10;

    /// <summary>When counting begins anew.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(15);

    /// <summary>Counts an attempt.</summary>
    public async Task<GuessAllowance> TakeAsync(OrgId org, string who, int limit, CancellationToken cancellationToken)
    {
        while (true)
        {
            var now = time.GetUtcNow();
            var current = await counts.FindAsync(org, who, cancellationToken);
            if (current is null)
            {
                if (await counts.InsertAsync(org, who, new WrongUserCodes(1, now), cancellationToken))
                    return default;
                continue;
            }
            var known = current.Value;
            var end = known.Since + Window;
            if (now < end && known.Count > limit)
                return new GuessAllowance(end - now, First: false);
            var next = now < end ? known with { Count = known.Count + 1 } : new WrongUserCodes(1, now);
            if (await counts.ReplaceAsync(org, who, current, next, cancellationToken))
                return next.Count > limit ? new GuessAllowance(end - now, First: true) : default;
        }
    }

    /// <summary>Takes back an attempt whose code was right.</summary>
    public async Task GiveBackAsync(OrgId org, string who, CancellationToken cancellationToken)
    {
        while (await counts.FindAsync(org, who, cancellationToken) is { Value.Count: > 0 } current)
        {
            if (await counts.ReplaceAsync(org, who, current, current.Value with { Count = current.Value.Count - 1 }, cancellationToken))
                return;
        }
    }
}
