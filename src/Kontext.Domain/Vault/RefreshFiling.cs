using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Kontext.Domain.Vault;

/// <summary>Notes when a connection's credential is to be refreshed, so that its person or agent never waits for the provider.</summary>
public sealed class RefreshFiling(IRefreshSchedule schedule)
{
    private static readonly TimeSpan LeastLead = TimeSpan.FromMinutes(2);

    /// <summary>Notes the due time of a credential that is about to be stored. A connection that cannot be refreshed, or does not end, needs none.</summary>
    public async Task FileAsync(OrgId org, Connection connection)
    {
        if (NoteOf(org, connection) is not { } note)
            return;
        try
        {
            await schedule.FileAsync(note, CancellationToken.None);
        }
        catch (Exception)
        {
            // Without the note the connection is refreshed on demand until the backfill makes up for it; a grant must not be lost for it.
        }
    }

    /// <summary>The note a connection is to have; it follows from the row, so that anybody can tell whether it is there. Null when it needs none.</summary>
    public static DueRefresh? NoteOf(OrgId org, Connection connection) =>
        connection is { Status: ConnectionStatus.Connected, Refreshable: true, AccessExpiresAt: { } end }
            ? new DueRefresh(org, connection.User, connection.Integration, connection.Id, end, DueAt(connection.RefreshedAt ?? connection.ConnectedAt, end, SpreadOf(connection)))
            : null;

    /// <summary>From 0 to 1, evenly over connections and always the same for one: what keeps instances and connections from acting in step.</summary>
    public static double SpreadOf(Connection connection)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(connection.Id.Value.ToByteArray(), hash);
        return BinaryPrimitives.ReadUInt32LittleEndian(hash) / (double)uint.MaxValue;
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
