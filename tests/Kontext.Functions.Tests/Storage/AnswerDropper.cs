using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Kontext.Functions.Tests.Storage;

/// <summary>Passes connections on to a server and, when told to, lets the server do what a request asks but loses the answer.</summary>
internal sealed class AnswerDropper : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly int serverPort;
    private readonly Task accepting;
    private string? doomed;
    private int dropped;

    public AnswerDropper(int serverPort)
    {
        this.serverPort = serverPort;
        listener.Start();
        accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>How many answers were lost.</summary>
    public int Dropped => Volatile.Read(ref dropped);

    /// <summary>Loses the answer to the next request with this method.</summary>
    public void DropNext(string method) => Volatile.Write(ref doomed, method + " ");

    public async ValueTask DisposeAsync()
    {
        listener.Stop();
        await accepting;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await listener.AcceptTcpClientAsync());
        }
        catch (Exception stopped) when (stopped is SocketException or ObjectDisposedException)
        {
            // Disposed of.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var server = new TcpClient();
        using (client)
        {
            await server.ConnectAsync(IPAddress.Loopback, serverPort);
            var drop = false;
            var requests = PumpAsync(client, server, bytes =>
            {
                var method = Volatile.Read(ref doomed);
                if (method is not null && Encoding.ASCII.GetString(bytes).StartsWith(method, StringComparison.Ordinal) && Interlocked.CompareExchange(ref doomed, null, method) == method)
                    drop = true;
                return true;
            });
            // The first byte of the answer tells that the request was carried out.
            var answers = PumpAsync(server, client, _ => !drop);
            await Task.WhenAny(requests, answers);
            if (drop)
                Interlocked.Increment(ref dropped);
        }
    }

    private static async Task PumpAsync(TcpClient from, TcpClient to, Func<ReadOnlySpan<byte>, bool> pass)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await from.GetStream().ReadAsync(buffer) is var count and > 0 && pass(buffer.AsSpan(0, count)))
                await to.GetStream().WriteAsync(buffer.AsMemory(0, count));
        }
        catch (Exception gone) when (gone is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // One side hung up.
        }
    }
}
