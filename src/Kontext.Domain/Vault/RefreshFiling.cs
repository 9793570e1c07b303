namespace Kontext.Domain.Vault;

/// <summary>Notes when a connection's credential is to be refreshed, so that its person or agent never waits for the provider.</summary>
public sealed class RefreshFiling(IRefreshSchedule schedule, TimeProvider time)
{
    private static readonly TimeSpan LeastLead = TimeSpan.FromMinutes(2);

    /// <summary>Notes the due time of a credential that is about to be stored. A connection that cannot be refreshed, or does not end, needs none.</summary>
    public async Task FileAsync(OrgId org, Connection connection)
    {
        if (!connection.Refreshable || connection.AccessExpiresAt is not { } end)
            return;
        try
        {
            var due = DueAt(time.GetUtcNow(), end, RandomValue.Below(1000) / 1000.0);
            await schedule.FileAsync(new DueRefresh(org, connection.User, connection.Integration, connection.Id, end, due), CancellationToken.None);
        }
        catch (Exception)
        {
            // Without the note the connection is refreshed on demand; a grant must not be lost for it.
        }
    }

    /// <summary>Two minutes or a tenth of the token's life before its end, and earlier by up to half of that, so that tokens issued together are not
    /// refreshed together; but never in the first half of its life, or a provider of short tokens would be asked without pause.</summary>
    /// <param name="issued">When the token was issued.</param>
    /// <param name="end">When it ends.</param>
    /// <param name="jitter">From 0 to 1.</param>
    public static DateTimeOffset DueAt(DateTimeOffset issued, DateTimeOffset end, double jitter)
    {
        var life = end > issued ? end - issued : TimeSpan.Zero;
        var lead = life / 10 > LeastLead ? life / 10 : LeastLead;
        var early = lead * (1 + (jitter / 2));
        return issued + (life - early > life / 2 ? life - early : life / 2);
    }
}
