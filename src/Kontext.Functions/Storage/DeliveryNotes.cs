using System.Globalization;
using System.Runtime.CompilerServices;
using Kontext.Domain;
using Kontext.Domain.Webhooks;

namespace Kontext.Functions.Storage;

/// <summary>When which delivery has to be looked at: one partition per day and shard, in the order of the minutes. It spans organizations and holds nothing but ids.</summary>
internal sealed class DeliveryNotes(ITableSource tables)
{
    private const int Shards = 4;
    // What is older belongs to an installation that nobody ran for longer.
    private const int LookBackDays = 3;
    private const string Minutes = "yyyyMMddHHmm";

    private readonly ITable notes = tables.Open("webhookdue");

    /// <summary>Files a note; one that is there already is as good.</summary>
    public Task FileAsync(OverdueDelivery note, CancellationToken cancellationToken) =>
        notes.UpsertAsync(new TableRow(PartitionOf(note), RowOf(note), new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["v"] = "1", ["org"] = note.Org.ToString(), ["webhook"] = note.Webhook.ToString(), ["delivery"] = note.Delivery.ToString(),
        }), cancellationToken);

    /// <summary>Removes a note.</summary>
    public Task RemoveAsync(OverdueDelivery note, CancellationToken cancellationToken) => notes.DeleteAsync(PartitionOf(note), RowOf(note), "*", cancellationToken);

    /// <summary>The notes of the minutes before this one.</summary>
    public async IAsyncEnumerable<OverdueDelivery> BeforeAsync(DateTimeOffset before, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var end = MinuteOf(before);
        for (var day = LookBackDays; day >= 0; day--)
        {
            for (var shard = 0; shard < Shards; shard++)
            {
                var name = MinuteOf(before.AddDays(-day))[..8];
                await foreach (var row in notes.RowsAsync($"{name}~{shard}", name, cancellationToken))
                {
                    if (string.CompareOrdinal(row.RowKey, end) >= 0)
                        break;
                    yield return new OverdueDelivery(
                        OrgId.Parse((string)row.Properties["org"], null), WebhookId.Parse((string)row.Properties["webhook"], null), DeliveryId.Parse((string)row.Properties["delivery"], null),
                        DateTimeOffset.ParseExact(row.RowKey[..Minutes.Length], Minutes, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal));
                }
            }
        }
    }

    /// <summary>The minute a time belongs to, as notes are ordered by it.</summary>
    public static string MinuteOf(DateTimeOffset at) => at.UtcDateTime.ToString(Minutes, CultureInfo.InvariantCulture);

    private static string PartitionOf(OverdueDelivery note) =>
        string.Create(CultureInfo.InvariantCulture, $"{MinuteOf(note.Due)[..8]}~{note.Delivery.Value.ToByteArray()[15] % Shards}");

    private static string RowOf(OverdueDelivery note) => $"{MinuteOf(note.Due)}~{Key.Of(note.Org, note.Delivery)}";
}
