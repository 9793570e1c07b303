using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace Kontext.Functions.Upstream;

/// <summary>What an MCP server of the older revisions says in a client's session that belongs to none of its answers (MCP 2025-11-25, Streamable HTTP, listening for messages).
/// A session has one such stream, so all who listen on this instance share it; it is open as long as somebody does, and a little longer.</summary>
internal sealed class SessionStream(Func<CancellationToken, Task<HttpResponseMessage>> open, Func<string, string, Task> reply, Func<CredentialScrub> scrub, TimeProvider time)
{
    private const int MaxMessage = 1024 * 1024;
    private const int MaxWaiting = 100;
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan OpeningLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);
    private readonly Lock gate = new();
    private readonly List<Listener> listeners = [];
    private Run? running;
    private Task opened = Task.CompletedTask;

    /// <summary>A message of the server's: a notification, or a question when it has an id.</summary>
    /// <param name="Bytes">The whole JSON-RPC message.</param>
    /// <param name="Question">The client has to answer it.</param>
    public sealed record Message(ReadOnlyMemory<byte> Bytes, bool Question);

    /// <summary>Whether a method is a request that servers make of clients and that a person or a model answers.</summary>
    public static bool IsQuestion(string method) => method is "elicitation/create" or "sampling/createMessage" or "roots/list";

    /// <summary>Listens, for all messages or, while a call lasts, for the questions nobody else hears. Gives up waiting for a stream that does not open at once: many servers have none.</summary>
    public async Task<Listener> ListenAsync(bool all, CancellationToken cancellationToken)
    {
        var listener = new Listener(this, all);
        Task opening;
        lock (gate)
        {
            listeners.Add(listener);
            if (running is null)
            {
                running = new Run(new CancellationTokenSource());
                var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                opened = started.Task;
                _ = RunAsync(started, running);
            }
            opening = opened;
        }
        try
        {
            await opening.WaitAsync(OpeningLimit, cancellationToken);
        }
        catch (TimeoutException)
        {
            // Some servers send nothing, not even headers, before they have something to say.
        }
        return listener;
    }

    private async Task RunAsync(TaskCompletionSource started, Run run)
    {
        try
        {
            // A stream that was open is opened again soon; a server that has none, or is not there, is asked ever less often.
            for (var pause = FirstPause; !run.Until.IsCancellationRequested;)
            {
                var end = await ReadAsync(started, run.Until.Token);
                started.TrySetResult();
                if (end == StreamEnd.Refused && !IsHeardByAll())
                    break;
                pause = end == StreamEnd.Open ? FirstPause : pause;
                await Task.Delay(pause, time, run.Until.Token);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }
        }
        catch (OperationCanceledException)
        {
            // Nobody listens any more.
        }
        finally
        {
            started.TrySetResult();
            lock (gate)
            {
                if (ReferenceEquals(running, run))
                    running = null;
            }
            run.Until.Dispose();
        }
    }

    /// <summary>Reads the stream to its end.</summary>
    private async Task<StreamEnd> ReadAsync(TaskCompletionSource started, CancellationToken cancellationToken)
    {
        var end = StreamEnd.Unreachable;
        try
        {
            using var response = await open(cancellationToken);
            started.TrySetResult();
            if (!response.IsSuccessStatusCode || response.Content.Headers.ContentType?.MediaType != "text/event-stream")
                return StreamEnd.Refused;
            end = StreamEnd.Open;
            using var messages = new UpstreamMessages(await response.Content.ReadAsStreamAsync(cancellationToken), events: true, long.MaxValue);
            while (await messages.MoveNextAsync(cancellationToken))
                await TakeAsync(messages, cancellationToken);
            return end;
        }
        catch (Exception broken) when (broken is HttpRequestException or UpstreamAnswerException or IOException)
        {
            return end;
        }
    }

    private async Task TakeAsync(UpstreamMessages messages, CancellationToken cancellationToken)
    {
        var body = new ArrayBufferWriter<byte>(512);
        for (var piece = await messages.ReadAsync(cancellationToken); !piece.IsEmpty; piece = await messages.ReadAsync(cancellationToken))
        {
            if (body.WrittenCount + piece.Length > MaxMessage)
                throw new UpstreamAnswerException("sent a message that is too large to pass on");
            body.Write(piece.Span);
        }
        if (body.WrittenSpan.Trim(" \t\r\n"u8).IsEmpty)
            return;
        HttpMcpUpstreamAnswer.CheckRead(body.WrittenSpan);
        var scanner = new AnswerScanner(new ArrayBufferWriter<byte>());
        scanner.Feed(body.WrittenSpan);
        // Answers belong to requests; none was made on this stream.
        if (scanner.Method?.Trim('"') is not { } method)
            return;
        if (scanner.Id is { } id && !IsQuestion(method))
        {
            await reply(id, method);
            return;
        }
        Deliver(new Message(scrub().Clean(body.WrittenMemory, last: true).ToArray(), scanner.Id is not null));
    }

    private void Deliver(Message message)
    {
        lock (gate)
        {
            // A question is put to one: to whoever listens for everything, otherwise to the call that began last.
            if (message.Question)
                (listeners.FindLast(listener => listener.All) ?? listeners.LastOrDefault())?.Put(message);
            else
            {
                foreach (var listener in listeners)
                {
                    if (listener.All)
                        listener.Put(message);
                }
            }
        }
    }

    private bool IsHeardByAll()
    {
        lock (gate)
            return listeners.Exists(listener => listener.All);
    }

    private void Leave(Listener listener)
    {
        lock (gate)
        {
            if (!listeners.Remove(listener) || listeners.Count > 0 || running is null)
                return;
            _ = CloseLaterAsync(running);
        }
    }

    private async Task CloseLaterAsync(Run run)
    {
        await Task.Delay(Linger, time);
        lock (gate)
        {
            if (listeners.Count > 0 || !ReferenceEquals(running, run))
                return;
            running = null;
            run.Until.Cancel();
        }
    }

    /// <summary>How reading the stream ended.</summary>
    private enum StreamEnd
    {
        /// <summary>The server has no such stream for us.</summary>
        Refused,

        /// <summary>The server could not be reached.</summary>
        Unreachable,

        /// <summary>It was open.</summary>
        Open,
    }

    /// <summary>The stream while it is open or being opened.</summary>
    private sealed record Run(CancellationTokenSource Until);

    /// <summary>One who listens. When too much waits to be taken, the newest is dropped: lists that changed are read again anyway.</summary>
    public sealed class Listener(SessionStream stream, bool all) : IDisposable
    {
        private readonly Channel<Message> waiting = Channel.CreateBounded<Message>(new BoundedChannelOptions(MaxWaiting) { FullMode = BoundedChannelFullMode.DropWrite });

        /// <summary>It hears everything.</summary>
        public bool All { get; } = all;

        /// <summary>Completes when there is a message.</summary>
        public Task<bool> WaitAsync(CancellationToken cancellationToken) => waiting.Reader.WaitToReadAsync(cancellationToken).AsTask();

        /// <summary>Takes the next message if there is one.</summary>
        public bool TryTake([NotNullWhen(true)] out Message? message) => waiting.Reader.TryRead(out message);

        /// <inheritdoc/>
        public void Dispose() => stream.Leave(this);

        internal void Put(Message message) => waiting.Writer.TryWrite(message);
    }
}
