using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Kontext.Functions.Upstream;

namespace Kontext.Functions.Tests.Upstream;

/// <summary>One stream of a server of HTTP+SSE, shared by several calls: each gets what is its own, and none spoils it for the others.</summary>
public sealed class SseConnectionTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_ping_is_answered_however_many_calls_are_open(int calls)
    {
        await using var server = new Server();
        var connection = await server.OpenAsync();
        for (var id = 1; id <= calls; id++)
            connection.AnswerTo(id);

        await server.SayAsync("""{"jsonrpc":"2.0","id":"p1","method":"ping"}""");

        Assert.Equal(("\"p1\"", "ping"), await server.Replied.Reader.ReadAsync(Cancelled));
    }

    [Fact]
    public async Task Progress_goes_to_the_call_that_has_its_token()
    {
        await using var server = new Server();
        var connection = await server.OpenAsync();
        using var meta = JsonDocument.Parse("""[{"progressToken":7},{"progressToken":"7"},{}]""");
        var answers = meta.RootElement.EnumerateArray().Select((one, place) => connection.AnswerTo(place + 1, one)).ToList();

        await server.SayAsync("""{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"7","progress":1}}""");
        await server.SayAsync("""{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":8,"progress":2}}""");
        for (var id = 1; id <= 3; id++)
            await server.SayAsync($$"""{"jsonrpc":"2.0","id":{{id}},"result":{} }""");

        var heard = await Task.WhenAll(answers.Select(MethodsAsync));
        Assert.Equal([0, 1, 0], heard.Select(methods => methods.Count));
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 0)]
    public async Task What_belongs_to_no_call_is_for_the_client_alone_whose_connection_it_is(bool own, int heard)
    {
        await using var server = new Server();
        var connection = await server.OpenAsync(own);
        var first = connection.AnswerTo(1);
        var second = connection.AnswerTo(2);

        await server.SayAsync("""{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}""");
        await server.SayAsync("""{"jsonrpc":"2.0","id":"q1","method":"elicitation/create","params":{"message":"Sure?"}}""");
        await server.SayAsync("""{"jsonrpc":"2.0","id":1,"result":{} }""");
        await server.SayAsync("""{"jsonrpc":"2.0","id":2,"result":{} }""");

        Assert.Empty(await MethodsAsync(first));
        Assert.Equal(heard * 2, (await MethodsAsync(second)).Count);
        // A question that nobody can be asked is answered, so that the server does not wait.
        if (!own)
            Assert.Equal(("\"q1\"", "elicitation/create"), await server.Replied.Reader.ReadAsync(Cancelled));
    }

    [Fact]
    public async Task A_question_that_nobody_waits_with_is_answered()
    {
        await using var server = new Server();
        await server.OpenAsync(own: true);

        await server.SayAsync("""{"jsonrpc":"2.0","id":"q1","method":"elicitation/create","params":{"message":"Sure?"}}""");

        Assert.Equal(("\"q1\"", "elicitation/create"), await server.Replied.Reader.ReadAsync(Cancelled));
    }

    [Fact]
    public async Task A_call_whose_client_takes_nothing_is_given_up_and_the_others_go_on()
    {
        await using var server = new Server();
        var connection = await server.OpenAsync();
        using var meta = JsonDocument.Parse("""{"progressToken":1}""");
        var slow = connection.AnswerTo(1, meta.RootElement);
        var other = connection.AnswerTo(2);
        var progress = $$"""{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"message":"{{new string('x', 1024 * 1024)}}"} }""";

        for (var said = 0; said < 12; said++)
            await server.SayAsync(progress);
        await server.SayAsync("""{"jsonrpc":"2.0","id":2,"result":{} }""");

        Assert.Contains("\"result\"", await new StreamReader(other).ReadToEndAsync(Cancelled));
        var given = await Assert.ThrowsAsync<UpstreamAnswerException>(() => new StreamReader(slow).ReadToEndAsync(Cancelled));
        Assert.Equal("says more than its client takes", given.Message);
        Assert.False(connection.IsClosed);
    }

    [Fact]
    public async Task Calls_that_are_left_while_the_server_speaks_do_not_end_the_connection()
    {
        await using var server = new Server();
        var connection = await server.OpenAsync(own: true);
        var speaking = Task.Run(async () =>
        {
            for (var said = 0; said < 3000; said++)
                await server.SayAsync("""{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}""");
        }, Cancelled);
        for (var id = 1L; !speaking.IsCompleted; id++)
        {
            connection.AnswerTo(id);
            connection.Leave(id);
        }
        await speaking;

        var answer = connection.AnswerTo(long.MaxValue);
        await server.SayAsync($$"""{"jsonrpc":"2.0","id":{{long.MaxValue}},"result":{} }""");

        Assert.Contains("\"result\"", await new StreamReader(answer).ReadToEndAsync(Cancelled));
        Assert.False(connection.IsClosed);
    }

    [Fact]
    public async Task An_answer_that_waits_ends_with_the_connection()
    {
        await using var server = new Server();
        var connection = await server.OpenAsync();
        var answer = connection.AnswerTo(1);

        server.End();

        Assert.Empty(await new StreamReader(answer).ReadToEndAsync(Cancelled));
        Assert.Empty(await new StreamReader(connection.AnswerTo(2)).ReadToEndAsync(Cancelled));
    }

    /// <summary>The methods of what comes before the result.</summary>
    private static async Task<List<string>> MethodsAsync(Stream answer)
    {
        var methods = new List<string>();
        using var reader = new StreamReader(answer);
        while (await reader.ReadLineAsync(Cancelled) is { } line)
        {
            if (!line.StartsWith("data: ", StringComparison.Ordinal))
                continue;
            using var message = JsonDocument.Parse(line[6..]);
            if (message.RootElement.TryGetProperty("method", out var method))
                methods.Add(method.GetString()!);
        }
        return methods;
    }

    private sealed class Server : IAsyncDisposable
    {
        private readonly Pipe stream = new(new PipeOptions(pauseWriterThreshold: 0));
        private SseConnection? connection;

        public Channel<(string Id, string Method)> Replied { get; } = Channel.CreateUnbounded<(string, string)>();

        public async Task<SseConnection> OpenAsync(bool own = false)
        {
            await SayAsync("/messages?session=1");
            var content = new StreamContent(stream.Reader.AsStream());
            content.Headers.ContentType = new MediaTypeHeaderValue("text/event-stream");
            return connection = (await SseConnection.OpenAsync(new HttpResponseMessage(HttpStatusCode.OK) { Content = content }, new Uri("http://server.example/sse"), own, (endpoint, id, method) =>
            {
                Assert.Equal("http://server.example/messages?session=1", endpoint.AbsoluteUri);
                Replied.Writer.TryWrite((id, method));
                return Task.CompletedTask;
            }, Cancelled))!;
        }

        public async Task SayAsync(string data) => await stream.Writer.WriteAsync(Encoding.UTF8.GetBytes($"data: {data}\n\n"), Cancelled);

        public void End() => stream.Writer.Complete();

        public ValueTask DisposeAsync()
        {
            connection?.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
