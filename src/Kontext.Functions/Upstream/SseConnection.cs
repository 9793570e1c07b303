using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Text;

namespace Kontext.Functions.Upstream;

/// <summary>A connection to an MCP server of the HTTP+SSE transport (MCP 2024-11-05): one stream for everything the server says, and an address for what it is told.
/// Each call gets what belongs to it as a stream of events of its own, so that its answer is read like any other.</summary>
internal sealed class SseConnection : IDisposable
{
    private const int MaxMessage = 8 * 1024 * 1024;
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(5);
    private readonly HttpResponseMessage response;
    private readonly UpstreamMessages messages;
    private readonly CancellationTokenSource end = new();
    private readonly ConcurrentDictionary<string, Pipe> calls = new(StringComparer.Ordinal);
    private long used;

    private SseConnection(HttpResponseMessage response, UpstreamMessages messages, Uri endpoint) =>
        (this.response, this.messages, Endpoint, used) = (response, messages, endpoint, Environment.TickCount64);

    /// <summary>Where messages to the server go.</summary>
    public Uri Endpoint { get; }

    /// <summary>The server, or nobody's needing it, has ended it.</summary>
    public bool IsClosed => end.IsCancellationRequested;

    /// <summary>Opens one; null when the address does not offer it. The address for messages has to be of the same origin: credentials go there.</summary>
    public static async Task<SseConnection?> OpenAsync(HttpResponseMessage response, Uri address, CancellationToken cancellationToken)
    {
        SseConnection? opened = null;
        UpstreamMessages? messages = null;
        try
        {
            if (!response.IsSuccessStatusCode || response.Content.Headers.ContentType?.MediaType != "text/event-stream")
                return null;
            messages = new UpstreamMessages(await response.Content.ReadAsStreamAsync(cancellationToken), events: true, long.MaxValue);
            if (!await messages.MoveNextAsync(cancellationToken) || !Uri.TryCreate(address, Encoding.UTF8.GetString((await ReadAsync(messages, cancellationToken)).WrittenSpan), out var endpoint)
                || endpoint.GetLeftPart(UriPartial.Authority) != address.GetLeftPart(UriPartial.Authority))
                return null;
            opened = new SseConnection(response, messages, endpoint);
            _ = opened.RunAsync();
            _ = opened.CloseWhenIdleAsync();
            return opened;
        }
        finally
        {
            if (opened is null)
            {
                messages?.Dispose();
                response.Dispose();
            }
        }
    }

    /// <summary>What the server says to the request with this id, as a stream of events that ends with the response.</summary>
    public Stream AnswerTo(long id)
    {
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        calls[id.ToString(System.Globalization.CultureInfo.InvariantCulture)] = pipe;
        if (IsClosed)
            pipe.Writer.Complete();
        Volatile.Write(ref used, Environment.TickCount64);
        return pipe.Reader.AsStream();
    }

    /// <summary>Nobody waits for this answer any more.</summary>
    public void Leave(long id)
    {
        if (calls.TryRemove(id.ToString(System.Globalization.CultureInfo.InvariantCulture), out var pipe))
            pipe.Writer.Complete();
    }

    /// <inheritdoc/>
    public void Dispose() => end.Cancel();

    private static async Task<ArrayBufferWriter<byte>> ReadAsync(UpstreamMessages messages, CancellationToken cancellationToken)
    {
        var body = new ArrayBufferWriter<byte>(512);
        for (var piece = await messages.ReadAsync(cancellationToken); !piece.IsEmpty; piece = await messages.ReadAsync(cancellationToken))
        {
            if (body.WrittenCount + piece.Length > MaxMessage)
                throw new UpstreamAnswerException("sent a message that is too large to pass on");
            body.Write(piece.Span);
        }
        return body;
    }

    private async Task RunAsync()
    {
        try
        {
            while (await messages.MoveNextAsync(end.Token))
                await DeliverAsync(await ReadAsync(messages, end.Token));
        }
        catch (Exception broken) when (broken is UpstreamAnswerException or OperationCanceledException or IOException or HttpRequestException)
        {
            // The calls that wait find their answers ended.
        }
        finally
        {
            await end.CancelAsync();
            foreach (var call in calls.Values)
                await call.Writer.CompleteAsync();
            messages.Dispose();
            response.Dispose();
        }
    }

    private async Task DeliverAsync(ArrayBufferWriter<byte> message)
    {
        var scanner = new AnswerScanner(new ArrayBufferWriter<byte>());
        scanner.Feed(message.WrittenSpan);
        var isAnswer = scanner.Method is null;
        // What belongs to no request is told only where there is no doubt whom it concerns.
        var call = isAnswer ? calls.GetValueOrDefault(scanner.Id ?? "") : calls.Count == 1 ? calls.Values.FirstOrDefault() : null;
        if (call is null)
            return;
        call.Writer.Write("data: "u8);
        call.Writer.Write(message.WrittenSpan.ToArray().Select(static character => character is (byte)'\n' or (byte)'\r' ? (byte)' ' : character).ToArray());
        call.Writer.Write("\n\n"u8);
        await call.Writer.FlushAsync(end.Token);
        if (isAnswer && calls.TryRemove(scanner.Id!, out _))
            await call.Writer.CompleteAsync();
    }

    private async Task CloseWhenIdleAsync()
    {
        while (!end.IsCancellationRequested)
        {
            await Task.Delay(Idle, end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (calls.IsEmpty && Environment.TickCount64 - Volatile.Read(ref used) > Idle.TotalMilliseconds)
                await end.CancelAsync();
        }
    }
}
