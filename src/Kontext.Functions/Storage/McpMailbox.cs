using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Text;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Storage;

/// <summary>The mailbox in a table, sealed, since answers of people and results of tools lie in it. A message left and taken on the same instance is found at once; others are looked for, ever less often. Who waits for a message goes on waiting while storage fails, as long as he would otherwise.</summary>
internal sealed class McpMailbox(ITableSource tables, ISealer sealer, TimeProvider time, ILogger<McpMailbox> log) : IMcpMailbox
{
    private const string Purpose = "mcp-mailbox";
    private const int ChunkLength = 30_000;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);
    private readonly ITable table = tables.Open("mcpmailbox");
    private readonly ConcurrentDictionary<(OrgId Org, string Name), TaskCompletionSource> awaited = new();

    /// <inheritdoc/>
    public async Task PutAsync(OrgId org, string name, ReadOnlyMemory<byte> message, DateTimeOffset expiresAt, CancellationToken cancellationToken)
    {
        var (partition, row) = PlaceOf(org, name);
        var text = await sealer.SealAsync(org, Purpose + row, new Secret(Base64Url.EncodeToString(message.Span)), cancellationToken);
        var properties = new Dictionary<string, object> { ["expiresAt"] = expiresAt };
        for (var start = 0; start < text.Length; start += ChunkLength)
            properties[$"text{start / ChunkLength}"] = text.Substring(start, Math.Min(ChunkLength, text.Length - start));
        await table.InsertAsync(new TableRow(partition, row, properties), cancellationToken);
        if (awaited.TryGetValue((org, name), out var waiter))
            waiter.TrySetResult();
    }

    /// <inheritdoc/>
    public async Task<byte[]?> FindAsync(OrgId org, string name, CancellationToken cancellationToken)
    {
        var (partition, row) = PlaceOf(org, name);
        return await table.GetAsync(partition, row, cancellationToken) is { } found && (DateTimeOffset)found.Properties["expiresAt"] > time.GetUtcNow() ? await OpenAsync(org, found, cancellationToken) : null;
    }

    /// <inheritdoc/>
    public async Task<byte[]?> TakeAsync(OrgId org, string name, TimeSpan limit, CancellationToken cancellationToken)
    {
        var waiter = awaited.GetOrAdd((org, name), static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        var started = time.GetTimestamp();
        try
        {
            var failing = false;
            for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
            {
                try
                {
                    if (await FindAsync(org, name, cancellationToken) is { } message)
                    {
                        await ClearAsync(org, name);
                        return message;
                    }
                    failing = false;
                }
                catch (StorageUnavailableException unavailable)
                {
                    if (!failing)
                        Log.MailboxFails(log, unavailable);
                    failing = true;
                }
                if (time.GetElapsedTime(started) > limit)
                    return null;
                await Task.WhenAny(waiter.Task, Task.Delay(pause, time, cancellationToken));
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            awaited.TryRemove(new((org, name), waiter));
        }
    }

    // What stays behind is in nobody's way and ends by itself.
    private async Task ClearAsync(OrgId org, string name)
    {
        var (partition, row) = PlaceOf(org, name);
        try
        {
            await table.DeleteAsync(partition, row, "*", CancellationToken.None);
        }
        catch (StorageUnavailableException unavailable)
        {
            Log.MailboxFails(log, unavailable);
        }
    }

    private async Task<byte[]?> OpenAsync(OrgId org, TableRow found, CancellationToken cancellationToken)
    {
        var text = new StringBuilder();
        for (var chunk = 0; found.Properties.TryGetValue($"text{chunk}", out var part); chunk++)
            text.Append((string)part);
        return await sealer.OpenAsync(org, Purpose + found.RowKey, text.ToString(), cancellationToken) is { } opened ? Base64Url.DecodeFromChars(opened.Reveal()) : null;
    }

    private static (string Partition, string Row) PlaceOf(OrgId org, string name)
    {
        var hash = RandomValue.HashOf(name);
        return (Key.HashShard(org, hash), Key.Of(org, hash));
    }
}
