using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Gateway;

namespace Kontext.Functions.Upstream;

/// <summary>An MCP server's answer as it arrives over HTTP. Small messages are checked whole before anything is passed on; of larger ones only a window is held.</summary>
internal sealed class HttpMcpUpstreamAnswer : McpAnswer
{
    private const int Window = 64 * 1024;
    private const int MaxDepth = 512;

    // What is read here and not only passed on: errors, notifications and questions.
    private const int MaxDepthRead = 60;
    private readonly string server;
    private readonly string id;
    private readonly IDisposable? connection;
    private readonly CancellationTokenSource budget;
    private readonly UpstreamMessages messages;
    private readonly CredentialScrub scrub;
    private readonly Func<string, string, Task> reply;
    private readonly Func<Task>? abandon;
    private readonly ArrayBufferWriter<byte> head = new(1024);
    private readonly ArrayBufferWriter<byte> result = new(1024);
    private AnswerScanner scanner;
    private Task<Result<AnswerPart>>? begun;
    private bool streaming;
    private bool ended;

    /// <param name="server">The integration's name, for words.</param>
    /// <param name="id">The id of our request.</param>
    /// <param name="connection">What to let go of at the end.</param>
    /// <param name="budget">Ends with the time the call may take, or the client.</param>
    /// <param name="messages">The body.</param>
    /// <param name="scrub">Blanks the credential.</param>
    /// <param name="bytesIn">What was sent.</param>
    /// <param name="reply">Answers a request of the server's own: id and method.</param>
    /// <param name="abandon">Tells the server that nobody waits any more; null where closing the connection says so.</param>
    public HttpMcpUpstreamAnswer(
        string server, long id, IDisposable? connection, CancellationTokenSource budget, UpstreamMessages messages, CredentialScrub scrub, long bytesIn, Func<string, string, Task> reply, Func<Task>? abandon)
    {
        (this.server, this.connection, this.budget, this.messages, this.scrub, this.reply, this.abandon) = (server, connection, budget, messages, scrub, reply, abandon);
        this.id = id.ToString(CultureInfo.InvariantCulture);
        BytesIn = bytesIn;
        scanner = new AnswerScanner(result);
    }

    public override bool IsError => scanner.IsError;

    public override string? ResultType => scanner.ResultType;

    public override long TtlMs => scanner.TtlMs;

    /// <summary>Where questions of the server's that belong to no answer come in while this call lasts; null where nobody can be asked.</summary>
    public SessionStream.Listener? Beside { get; init; }

    /// <summary>Names the session; null when the client cannot be asked.</summary>
    public string? Session { get; init; }

    /// <summary>The client is of a revision that knows no <c>structuredContent</c> but objects.</summary>
    public bool ObjectsOnly { get; init; }

    /// <summary>How long the call may take once a person is asked.</summary>
    public TimeSpan PersonLimit { get; init; }

    public override string? Route => Session;

    public override long BytesIn { get; }

    public override long BytesOut => messages.Received;

    public override void AwaitPerson() => budget.CancelAfter(PersonLimit);

    public override async ValueTask<Result<AnswerPart>> NextAsync(CancellationToken cancellationToken)
    {
        try
        {
            return streaming ? await ContinueAsync() : Beside is null ? await BeginAsync() : await BeginBesideAsync(Beside);
        }
        catch (UpstreamAnswerException fault)
        {
            return Fault(fault.Message);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new Failure(FailureCode.Unavailable, $"{server} did not answer in time.");
        }
    }

    public override async ValueTask DisposeAsync()
    {
        Beside?.Dispose();
        connection?.Dispose();
        if (begun is { IsCompleted: false })
            await ((Task)begun).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        messages.Dispose();
        budget.Dispose();
        if (!ended && abandon is not null)
            await abandon();
        ended = true;
    }

    private Failure Fault(string what)
    {
        ended = true;
        return new Failure(FailureCode.UpstreamFailed, $"{server} {what}.");
    }

    /// <summary>The answer's next part, or a question that came in beside it, whichever is first.</summary>
    private async ValueTask<Result<AnswerPart>> BeginBesideAsync(SessionStream.Listener beside)
    {
        begun ??= BeginAsync().AsTask();
        var asked = beside.WaitAsync(budget.Token);
        await Task.WhenAny(begun, asked);
        if (!begun.IsCompleted && beside.TryTake(out var question))
            return new AnswerPart(AnswerPartKind.Question, question.Bytes, Last: false);
        if (!begun.IsCompleted && asked.IsCanceled)
            await asked;
        var part = await begun;
        begun = null;
        return part;
    }

    private async ValueTask<Result<AnswerPart>> BeginAsync()
    {
        while (await messages.MoveNextAsync(budget.Token))
        {
            head.ResetWrittenCount();
            result.ResetWrittenCount();
            scanner = new AnswerScanner(result) { ObjectsOnly = ObjectsOnly };
            var whole = false;
            while (head.WrittenCount < Window)
            {
                var piece = await messages.ReadAsync(budget.Token);
                if (piece.IsEmpty)
                {
                    whole = true;
                    break;
                }
                head.Write(piece.Span);
            }
            // An event without content keeps a connection alive or opens a stream.
            if (whole && head.WrittenSpan.Trim(" \t\r\n"u8).IsEmpty)
                continue;
            if (whole)
                Check(head.WrittenSpan);
            scanner.Feed(head.WrittenSpan);
            if (whole ? scanner.Method is null : scanner.HasResult)
                return Response(whole);
            if (!whole)
                throw new UpstreamAnswerException("sent a message that is too large to pass on");
            CheckRead(head.WrittenSpan);
            if (scanner.Id is null)
                return new AnswerPart(AnswerPartKind.Notification, scrub.Clean(head.WrittenMemory, last: true), Last: false);
            var method = scanner.Method!.Trim('"');
            if (Session is not null && SessionStream.IsQuestion(method))
                return new AnswerPart(AnswerPartKind.Question, scrub.Clean(head.WrittenMemory, last: true), Last: false);
            await reply(scanner.Id, method);
        }
        return Fault("ended its answer without a response");
    }

    private Result<AnswerPart> Response(bool whole)
    {
        if (!whole)
        {
            streaming = true;
            return new AnswerPart(AnswerPartKind.Result, scrub.Clean(result.WrittenMemory, last: false), Last: false);
        }
        if (scanner.Error.Length > 0)
            CheckRead(scanner.Error.Span);
        if (scanner.Error.Length > 0 && scanner.Id is null or "null")
            return Ended(AnswerPartKind.Error, scanner.Error);
        if (scanner.Id != id)
            throw new UpstreamAnswerException("answered another request than the one that was sent");
        if (scanner.Error.Length > 0)
            return Ended(AnswerPartKind.Error, scanner.Error);
        return scanner.HasResult ? Ended(AnswerPartKind.Result, result.WrittenMemory) : throw new UpstreamAnswerException("answered with something that is not a JSON-RPC message");
    }

    private async ValueTask<Result<AnswerPart>> ContinueAsync()
    {
        result.ResetWrittenCount();
        var piece = await messages.ReadAsync(budget.Token);
        if (!piece.IsEmpty)
        {
            scanner.Feed(piece.Span);
            return new AnswerPart(AnswerPartKind.Result, scrub.Clean(result.WrittenMemory, last: false), Last: false);
        }
        if (!scanner.Complete)
            throw new UpstreamAnswerException("broke off in the middle of its answer");
        return scanner.Id == id ? Ended(AnswerPartKind.Result, default) : throw new UpstreamAnswerException("answered another request than the one that was sent");
    }

    private AnswerPart Ended(AnswerPartKind kind, ReadOnlyMemory<byte> bytes)
    {
        ended = true;
        return new AnswerPart(kind, scrub.Clean(bytes, last: true), Last: true);
    }

    /// <summary>Refuses what is not JSON, or nested more deeply than whoever reads it goes.</summary>
    public static void CheckRead(ReadOnlySpan<byte> message) => Check(message, MaxDepthRead);

    private static void Check(ReadOnlySpan<byte> message, int depth = MaxDepth)
    {
        try
        {
            JsonText.Demand(message);
            var reader = new Utf8JsonReader(message, new JsonReaderOptions { MaxDepth = depth });
            while (reader.Read())
            {
            }
        }
        catch (JsonException)
        {
            throw new UpstreamAnswerException("answered with something that is not JSON");
        }
    }
}
