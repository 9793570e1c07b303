using System.Collections.Concurrent;
using System.Text;
using Kontext.Domain;
using Kontext.Domain.Gateway;

namespace Kontext.Functions.Mcp;

/// <summary>Cancellation by <c>notifications/cancelled</c>, which clients with a session send in a message of its own (MCP 2025-11-25, cancellation), perhaps to another instance than the one that makes the call.</summary>
internal sealed class CancelledRequests(IMcpMailbox mailbox, TimeProvider time, ILogger<CancelledRequests> log)
{
    private static readonly TimeSpan Memory = TimeSpan.FromMinutes(10);
    // Shorter calls are over before another instance could be told.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);
    private readonly ConcurrentDictionary<string, CancellationTokenSource> running = new(StringComparer.Ordinal);

    /// <summary>Cancels the call when its client says so, until the result is disposed of.</summary>
    public IDisposable Watch(McpExchange exchange, CancellationTokenSource call)
    {
        var name = NameOf(exchange.Session!, exchange.Request.Id.Span);
        running[name] = call;
        var over = new CancellationTokenSource();
        _ = LookAsync(exchange.Caller.Org, name, call, over.Token);
        return new Watched(() =>
        {
            running.TryRemove(new(name, call));
            over.Cancel();
            over.Dispose();
        });
    }

    /// <summary>Cancels the request with this id, as JSON, wherever it is served.</summary>
    public async Task CancelAsync(OrgId org, ClientSession session, string id, CancellationToken cancellationToken)
    {
        var name = NameOf(session, Encoding.UTF8.GetBytes(id));
        if (running.TryGetValue(name, out var call))
            Cancel(call);
        else
            await mailbox.PutAsync(org, name, "cancelled"u8.ToArray(), time.GetUtcNow() + Memory, cancellationToken);
    }

    private static string NameOf(ClientSession session, ReadOnlySpan<byte> id) => $"cancelled\n{session.Name}\n{Encoding.UTF8.GetString(id)}";

    private static void Cancel(CancellationTokenSource call)
    {
        try
        {
            call.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The call ended at this moment.
        }
    }

    private async Task LookAsync(OrgId org, string name, CancellationTokenSource call, CancellationToken over)
    {
        try
        {
            await Task.Delay(Grace, time, over);
            if (await mailbox.TakeAsync(org, name, Memory, over) is not null)
                Cancel(call);
        }
        catch (OperationCanceledException)
        {
            // The call is over.
        }
        catch (Exception failed)
        {
            // The call goes on to its end: cancelling it is a wish.
            Log.MailboxFails(log, failed);
        }
    }

    private sealed class Watched(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}
