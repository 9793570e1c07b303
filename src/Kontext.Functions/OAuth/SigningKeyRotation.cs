using System.Collections.Immutable;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.OAuth;

/// <summary>Changes the issuer's signing keys: on schedule, on demand, and at once when one was compromised. Every change is a compare-and-swap on the ring's row and an entry in the audit trail
/// of the deployment's own organization.</summary>
internal sealed class SigningKeyRotation(SigningKeyStore store, IOrganizationStore organizations, IAuditLog audit, KontextSettings settings, TimeProvider time)
{
    // No change takes this long.
    private static readonly TimeSpan CutOffAfter = TimeSpan.FromHours(1);

    /// <summary>Publishes a new key, which takes over when every cached key set has been fetched anew. When one is waiting already, it stays at that.</summary>
    public async Task<StoredKeyRing> RotateAsync(OrgId org, AuditParty? actor, CancellationToken cancellationToken)
    {
        StoredSigningKey? made = null;
        while (true)
        {
            var current = await store.RingAsync(cancellationToken);
            var now = time.GetUtcNow();
            if (current.Value.Next(now) is not null)
            {
                if (made is not null)
                    await store.DiscardAsync(made, CancellationToken.None);
                return current.Value;
            }
            made ??= await store.CreateAsync(now + settings.SigningKeys.PublishAhead, cancellationToken);
            // What was read may be old by the time the vault has answered: the key is published from now on, not from when it was made.
            var key = made with { ActiveFrom = time.GetUtcNow() + settings.SigningKeys.PublishAhead };
            var next = new StoredKeyRing([.. current.Value.Published(now), key]);
            if (!await store.ReplaceAsync(current, next))
                continue;
            await PutAwayAsync(current.Value, now);
            await RecordAsync(org, actor, "signing_key.rotated", $"{key.Kid} signs from {key.ActiveFrom:u}");
            return next;
        }
    }

    /// <summary>Cuts off a compromised key, or every key: no instance accepts what it signed from a second from now on. A key that was waiting takes over at once, or a new one.
    /// <see cref="FailureCode.NotFound"/> when the key is not in use.</summary>
    public async Task<Result<StoredKeyRing>> RevokeAsync(OrgId org, AuditParty? actor, string? kid, CancellationToken cancellationToken)
    {
        StoredSigningKey? made = null;
        while (true)
        {
            var current = await store.RingAsync(cancellationToken);
            var now = time.GetUtcNow();
            var published = current.Value.Published(now).ToImmutableArray();
            var revoked = published.Where(key => kid is null || key.Kid == kid).ToImmutableArray();
            var kept = published.RemoveRange(revoked);
            if (revoked.IsEmpty)
            {
                if (made is not null)
                    await store.DiscardAsync(made, CancellationToken.None);
                return new Failure(FailureCode.NotFound, "There is no signing key with this kid in use.");
            }
            if (revoked.Contains(current.Value.Current(now)))
            {
                if (kept.FirstOrDefault(key => current.Value.StateOf(key, now) == SigningKeyState.Next) is { } waiting)
                    kept = kept.Replace(waiting, waiting with { ActiveFrom = now });
                else
                    kept = kept.Add((made ??= await store.CreateAsync(now, cancellationToken)) with { ActiveFrom = now });
            }
            foreach (var key in revoked)
                await store.MarkRevokedAsync(key, now);
            var next = new StoredKeyRing(kept);
            if (!await store.ReplaceAsync(current, next))
                continue;
            if (made is not null && !kept.Any(key => key.Kid == made.Kid))
                await store.DiscardAsync(made, CancellationToken.None);
            foreach (var key in revoked)
                await store.RetireAsync(key, now);
            await PutAwayAsync(current.Value, now);
            await RecordAsync(org, actor, "signing_key.revoked", $"{string.Join(", ", revoked.Select(key => key.Kid))} revoked, {next.Current(now).Kid} signs");
            return next;
        }
    }

    /// <summary>Cuts off the keys whose private halves are no longer there, and makes a new one if none is left to sign with; gives how many were cut off. Their public halves stay, so that the checkpoints
    /// they signed are still verified.</summary>
    public async Task<int> ReplaceLostAsync(OrgId org, CancellationToken cancellationToken)
    {
        var (ring, now, lost) = ((await store.RingAsync(cancellationToken)).Value, time.GetUtcNow(), 0);
        // One that waits comes first, or it would take over.
        foreach (var key in ring.Keys.Where(key => ring.StateOf(key, now) is SigningKeyState.Current or SigningKeyState.Next).OrderByDescending(key => key.ActiveFrom))
        {
            if (!await store.HoldsAsync(key, cancellationToken) && (await RevokeAsync(org, actor: null, key.Kid, cancellationToken)).TryGet(out _, out _))
                lost++;
        }
        return lost;
    }

    /// <summary>What the timer does: a new key when the current one is old enough, and keys away whose tokens have all ended.</summary>
    public async Task RunDueAsync(CancellationToken cancellationToken)
    {
        // Nobody gets tokens before there is an organization, and nobody could read what was done.
        if (await organizations.FindBySlugAsync(settings.Organization, cancellationToken) is not { } org)
            return;
        var current = await store.RingAsync(cancellationToken);
        var now = time.GetUtcNow();
        var every = settings.SigningKeys.RotateEvery;
        if (every > TimeSpan.Zero && current.Value.Next(now) is null && now >= current.Value.Current(now).ActiveFrom + every - settings.SigningKeys.PublishAhead)
        {
            await RotateAsync(org, actor: null, cancellationToken);
            return;
        }
        var published = current.Value.Published(now).ToImmutableArray();
        if (published.Length < current.Value.Keys.Length && !await store.ReplaceAsync(current, new StoredKeyRing(published)))
            return;
        // Also what a change left that was cut off halfway. A key made a moment ago is only not in the ring yet.
        foreach (var key in await store.EverUsedAsync(cancellationToken))
        {
            if (key.RetiredAt is null && key.CreatedAt < now - CutOffAfter && published.All(used => used.Kid != key.Kid))
                await store.RetireAsync(key, now);
        }
    }

    private async Task PutAwayAsync(StoredKeyRing before, DateTimeOffset now)
    {
        foreach (var key in before.Keys.Where(key => before.StateOf(key, now) == SigningKeyState.Retired))
            await store.RetireAsync(key, now);
    }

    private Task RecordAsync(OrgId org, AuditParty? actor, string change, string what) => audit.AppendAsync(org, new AuditEvent
    {
        At = time.GetUtcNow(),
        Type = AuditTypes.Administered,
        Actor = actor,
        Capability = change,
        Target = what,
    }, CancellationToken.None);
}
