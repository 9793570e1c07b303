using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.IO.Pipelines;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Kontext.Functions.Upstream;

/// <summary>A connection to an MCP server of the HTTP+SSE transport (MCP 2024-11-05): one stream for everything the server says, and an address for what it is told.
/// Each call gets what belongs to it as a stream of events of its own, so that its answer is read like any other. What belongs to no call is told only to a client whose own connection this is.</summary>
internal sealed class SseConnection : IDisposable
{
    private const int MaxMessage = 8 * 1024 * 1024;

    // Room for the largest message and what came before it; a call whose client takes no more than that is given up, so that the others go on.
    private const int MaxHeld = MaxMessage + (1024 * 1024);

    // A server that asks faster than it takes the answers is not answered everything.
    private const int MaxReplies = 8;
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(5);
    private readonly HttpResponseMessage response;
    private readonly UpstreamMessages messages;
    private readonly bool own;
    private readonly Func<Uri, string, string, Task> reply;
    private readonly CancellationTokenSource end = new();
    private readonly ConcurrentDictionary<string, Call> calls = new(StringComparer.Ordinal);
    private long used;
    private long begun;
    private int replies;

    private SseConnection(HttpResponseMessage response, UpstreamMessages messages, Uri endpoint, bool own, Func<Uri, string, string, Task> reply) =>
        (this.response, this.messages, Endpoint, this.own, this.reply, used) = (response, messages, endpoint, own, reply, Environment.TickCount64);

    /// <summary>Where messages to the server go.</summary>
    public Uri Endpoint { get; }

    /// <summary>The server, or nobody's needing it, has ended it.</summary>
    public bool IsClosed => end.IsCancellationRequested;

    /// <summary>Opens one; null when the address does not offer it. The address for messages has to be of the same origin: credentials go there.</summary>
    /// <param name="response">The answer to the request for the stream.</param>
    /// <param name="address">The integration's address.</param>
    /// <param name="own">It serves one client alone, which may hear all that is said on it.</param>
    /// <param name="reply">Answers a request of the server's own at the endpoint: id and method.</param>
    /// <param name="cancellationToken">Ends the opening.</param>
    public static async Task<SseConnection?> OpenAsync(HttpResponseMessage response, Uri address, bool own, Func<Uri, string, string, Task> reply, CancellationToken cancellationToken)
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
            opened = new SseConnection(response, messages, endpoint, own, reply);
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
    /// <param name="id">The request's id.</param>
    /// <param name="meta">The request's <c>_meta</c>, with the token its progress is told by; <c>default</c> for none.</param>
    public Stream AnswerTo(long id, JsonElement meta = default)
    {
        var call = new Call(Interlocked.Increment(ref begun), TokenOf(meta, "progressToken"));
        calls[NameOf(id)] = call;
        if (IsClosed)
            call.End();
        Volatile.Write(ref used, Environment.TickCount64);
        return call.Answer;
    }

    /// <summary>Nobody waits for this answer any more.</summary>
    public void Leave(long id)
    {
        if (calls.TryRemove(NameOf(id), out var call))
            call.End();
    }

    /// <inheritdoc/>
    public void Dispose() => end.Cancel();

    private static string NameOf(long id) => id.ToString(CultureInfo.InvariantCulture);

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
                Deliver(await ReadAsync(messages, end.Token));
        }
        catch (Exception broken) when (broken is UpstreamAnswerException or OperationCanceledException or IOException or HttpRequestException)
        {
            // The calls that wait find their answers ended.
        }
        finally
        {
            await end.CancelAsync();
            foreach (var call in calls.Values)
                call.End();
            messages.Dispose();
            response.Dispose();
        }
    }

    private void Deliver(ArrayBufferWriter<byte> message)
    {
        // An event without content keeps the connection alive.
        if (message.WrittenSpan.Trim(" \t\r\n"u8).IsEmpty)
            return;
        var scanner = new AnswerScanner(new ArrayBufferWriter<byte>());
        scanner.Feed(message.WrittenSpan);
        var method = scanner.Method?.Trim('"');
        if (method is null)
        {
            if (!calls.TryRemove(scanner.Id ?? "", out var answered))
                return;
            answered.Say(message.WrittenSpan);
            answered.End();
            return;
        }
        if (scanner.Id is { } id && !(own && SessionStream.IsQuestion(method) && !calls.IsEmpty))
        {
            Reply(id, method);
            return;
        }
        if (scanner.Id is null && method == "notifications/progress")
            InProgress(message.WrittenMemory)?.Say(message.WrittenSpan);
        // Of the calls of one client, the last is as good as any.
        else if (own || calls.Count == 1)
            calls.Values.MaxBy(call => call.Place)?.Say(message.WrittenSpan);
    }

    /// <summary>The call whose progress a notification tells of; null when no call has that token, or several of different clients do.</summary>
    private Call? InProgress(ReadOnlyMemory<byte> message)
    {
        string? token;
        try
        {
            using var notification = JsonDocument.Parse(message);
            token = notification.RootElement.TryGetProperty("params", out var parameters) ? TokenOf(parameters, "progressToken") : null;
        }
        catch (JsonException)
        {
            return null;
        }
        var theirs = token is null ? [] : calls.Values.Where(call => call.ProgressToken == token).ToList();
        return theirs.Count == 1 ? theirs[0] : null;
    }

    private static string? TokenOf(JsonElement holder, string name) =>
        holder.ValueKind == JsonValueKind.Object && holder.TryGetProperty(name, out var token) && token.ValueKind is JsonValueKind.String or JsonValueKind.Number
            ? token.ValueKind == JsonValueKind.String ? "\"" + token.GetString() : Encoding.UTF8.GetString(JsonMarshal.GetRawUtf8Value(token))
            : null;

    /// <summary>Answers without holding up what is said to others meanwhile.</summary>
    private void Reply(string id, string method)
    {
        if (Interlocked.Increment(ref replies) > MaxReplies)
        {
            Interlocked.Decrement(ref replies);
            return;
        }
        _ = ReplyAsync(id, method);
    }

    private async Task ReplyAsync(string id, string method)
    {
        try
        {
            await reply(Endpoint, id, method);
        }
        finally
        {
            Interlocked.Decrement(ref replies);
        }
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

    /// <summary>One who waits for an answer. Its end may come from the reader of the connection and from whoever waits at the same time.</summary>
    private sealed class Call(long place, string? progressToken)
    {
        private readonly Pipe pipe = new(new PipeOptions(pauseWriterThreshold: MaxHeld, resumeWriterThreshold: 1));
        private readonly Lock gate = new();
        private bool ended;

        /// <summary>How many began before it.</summary>
        public long Place { get; } = place;

        /// <summary>What its progress is told by; null when nobody wants to know.</summary>
        public string? ProgressToken { get; } = progressToken;

        public Stream Answer => pipe.Reader.AsStream();

        /// <summary>Hands a message on, unless too much waits to be taken: then the call is given up.</summary>
        public void Say(ReadOnlySpan<byte> message)
        {
            lock (gate)
            {
                if (ended)
                    return;
                pipe.Writer.Write("data: "u8);
                var line = pipe.Writer.GetSpan(message.Length)[..message.Length];
                message.CopyTo(line);
                line.Replace((byte)'\n', (byte)' ');
                line.Replace((byte)'\r', (byte)' ');
                pipe.Writer.Advance(message.Length);
                pipe.Writer.Write("\n\n"u8);
                var taken = pipe.Writer.FlushAsync();
                if (taken.IsCompleted)
                    return;
                ended = true;
                pipe.Writer.Complete(new UpstreamAnswerException("says more than its client takes"));
            }
        }

        public void End()
        {
            lock (gate)
            {
                if (ended)
                    return;
                ended = true;
                pipe.Writer.Complete();
            }
        }
    }
}
