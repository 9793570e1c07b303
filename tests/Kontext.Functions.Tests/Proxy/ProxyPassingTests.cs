using System.IO.Compression;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Testing;
using Microsoft.AspNetCore.Http;

namespace Kontext.Functions.Tests.Proxy;

/// <summary>What goes through the proxy in both directions, and what stays behind.</summary>
public sealed class ProxyPassingTests(KontextFixture kontext) : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private ProxyWorld world = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => world = await ProxyWorld.CreateAsync(kontext.Server, kontext.OwnerToken);

    public ValueTask DisposeAsync() => world.DisposeAsync();

    [Fact]
    public async Task A_request_reaches_the_API_with_the_persons_credential_and_nothing_of_the_agents()
    {
        world.Api.Answer = async context =>
        {
            context.Response.StatusCode = 207;
            context.Response.Headers["X-Answer"] = "kept";
            context.Response.Headers.SetCookie = "upstream=1";
            context.Response.Headers.Connection = "X-Hop";
            context.Response.Headers["X-Hop"] = "1";
            context.Response.Headers["X-Kontext-Error"] = "faked";
            context.Response.Headers.CacheControl = "public, s-maxage=60, max-age=5";
            context.Response.ContentType = "text/html";
            await context.Response.WriteAsync("<b>hello</b>");
        };
        using var request = world.Request(HttpMethod.Patch, "/items/7%20a?b=c&d=%2F", new StringContent("{\"x\":1}", Encoding.UTF8, "application/merge-patch+json"));
        foreach (var (name, value) in new[]
        {
            ("X-Custom", "kept"), ("Cookie", "session=1"), ("X-Forwarded-For", "10.0.0.1"), ("Forwarded", "for=1"), ("X-HTTP-Method-Override", "DELETE"), ("X-Original-URL", "/admin"), ("Connection", "X-Mine"), ("X-Mine", "1"),
            ("Proxy-Authorization", "Basic eDp5"), ("TE", "trailers"), ("Referer", "http://localhost/"), ("x-ms-invocation-id", "1"), ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("tracestate", "vendor=1"),
        })
            request.Headers.TryAddWithoutValidation(name, value);

        using var answer = await world.SendAsync(request, Cancelled);

        Assert.Equal((207, "<b>hello</b>"), ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(Cancelled)));
        var seen = Assert.Single(world.Api.Seen);
        Assert.Equal(("PATCH", ApiDouble.Prefix + "/items/7%20a?b=c&d=%2F", "{\"x\":1}"), (seen.Method, seen.Target, seen.Body));
        Assert.Equal($"Bearer {ProxyWorld.Credential}", seen.Headers["Authorization"]);
        Assert.Equal(("kept", "application/merge-patch+json; charset=utf-8", "vendor=1"), (seen.Headers["X-Custom"], seen.Headers["Content-Type"], seen.Headers["tracestate"]));
        Assert.StartsWith("00-0af7651916cd43dd8448eb211c80319c-", seen.Headers["traceparent"]);
        Assert.Equal(world.Api.Root.Authority, seen.Headers["Host"]);
        Assert.DoesNotContain(seen.Headers.Keys, name => name.StartsWith("X-Forwarded", StringComparison.OrdinalIgnoreCase)
            || new[] { "Cookie", "Forwarded", "X-HTTP-Method-Override", "X-Original-URL", "X-Mine", "Proxy-Authorization", "TE", "Referer", "x-ms-invocation-id" }.Contains(name, StringComparer.OrdinalIgnoreCase));
        Assert.DoesNotContain(seen.Headers.Values, value => value.Contains(world.Token, StringComparison.Ordinal));
        Assert.Equal("kept", Assert.Single(answer.Headers.GetValues("X-Answer")));
        Assert.False(answer.Headers.Contains("Set-Cookie") || answer.Headers.Contains("X-Hop") || answer.Headers.Contains("X-Kontext-Error"));
        Assert.True(answer.Headers.CacheControl is { Private: true, Public: false, SharedMaxAge: null, MaxAge.TotalSeconds: 5 });
        Assert.Contains("sandbox", Assert.Single(answer.Headers.GetValues("Content-Security-Policy")));
    }

    [Fact]
    public async Task An_answer_arrives_while_it_is_being_written()
    {
        var read = new TaskCompletionSource();
        world.Api.Answer = async context =>
        {
            context.Response.ContentType = "text/event-stream";
            await context.Response.WriteAsync("data: one\n\n");
            await context.Response.Body.FlushAsync();
            await read.Task.WaitAsync(context.RequestAborted);
            await context.Response.WriteAsync("data: two\n\n");
        };
        using var answer = await world.GetAsync("/events");
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(Cancelled));
        Assert.Equal("data: one", await reader.ReadLineAsync(Cancelled));
        read.SetResult();
        await reader.ReadLineAsync(Cancelled);
        Assert.Equal("data: two", await reader.ReadLineAsync(Cancelled));
    }

    [Fact]
    public async Task A_body_arrives_while_it_is_being_sent()
    {
        var arrived = new TaskCompletionSource<string>();
        world.Api.Raw = async context =>
        {
            var buffer = new byte[100];
            var first = await context.Request.Body.ReadAsync(buffer, context.RequestAborted);
            arrived.SetResult(Encoding.UTF8.GetString(buffer, 0, first));
            using var rest = new MemoryStream();
            await context.Request.Body.CopyToAsync(rest, context.RequestAborted);
            await context.Response.WriteAsync($"then {rest.Length}");
            return true;
        };
        using var answer = await world.SendAsync(HttpMethod.Post, "/upload", new SteppedContent(async stream =>
        {
            await stream.WriteAsync("first"u8.ToArray(), Cancelled);
            await stream.FlushAsync(Cancelled);
            Assert.Equal("first", await arrived.Task.WaitAsync(Patience, Cancelled));
            for (var piece = 0; piece < 40; piece++)
                await stream.WriteAsync(new byte[8192], Cancelled);
        }));
        Assert.Equal($"then {40 * 8192}", await answer.Content.ReadAsStringAsync(Cancelled));
    }

    [Fact]
    public async Task An_agent_that_hangs_up_cancels_the_call_at_the_API_and_that_is_on_record()
    {
        var reached = new TaskCompletionSource();
        var cancelled = new TaskCompletionSource();
        world.Api.Answer = async context =>
        {
            context.RequestAborted.Register(cancelled.SetResult);
            reached.SetResult();
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        };
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        var call = world.SendAsync(world.Request(HttpMethod.Get, "/slow"), patience.Token);
        await reached.Task.WaitAsync(Patience, Cancelled);
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await cancelled.Task.WaitAsync(Patience, Cancelled);
        JsonNode? entry = null;
        while (entry is null)
            entry = (await EventsAsync()).FirstOrDefault(happened => (string?)happened["type"] == "api.call");
        Assert.Equal(("warn", "client_cancelled"), ((string?)entry["status"], (string?)entry["errorType"]));
    }

    [Fact]
    public async Task A_call_is_on_record_with_method_path_trace_and_bytes()
    {
        using var answer = await world.SendAsync(HttpMethod.Post, "/items?secret=no", JsonContent.Create(new JsonObject { ["a"] = 1 }));
        Assert.Equal("ok", await answer.Content.ReadAsStringAsync(Cancelled));
        var events = await EventsAsync();
        var call = Assert.Single(events, happened => (string?)happened["type"] == "api.call");
        var injected = Assert.Single(events, happened => (string?)happened["type"] == "credential.injected");
        Assert.Equal(("ok", $"{world.Name}:POST /items", "/items"), ((string?)call["status"], (string?)call["capability"], (string?)call["target"]));
        Assert.Equal((string?)injected["traceId"], (string?)call["traceId"]);
        Assert.Equal((string?)call["traceId"], world.Api.Seen.Single().Headers["traceparent"].Split('-')[1]);
        Assert.Equal((7, 2), ((int)call["bytesIn"]!, (int)call["bytesOut"]!));
        Assert.DoesNotContain("secret=no", call.ToJsonString());
    }

    [Theory]
    [InlineData(404, "warn")]
    [InlineData(500, "error_remote")]
    public async Task An_error_of_the_API_is_the_agents_to_read_and_is_on_record(int status, string recorded)
    {
        world.Api.Answer = context =>
        {
            context.Response.StatusCode = status;
            return context.Response.WriteAsync("its own words");
        };
        using var answer = await world.SendAsync(HttpMethod.Post, "/x", new StringContent("y"));
        Assert.Equal((status, "its own words"), ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(Cancelled)));
        Assert.False(answer.Headers.Contains("X-Kontext-Error"));
        Assert.Equal(recorded, (string?)Assert.Single(await EventsAsync(), happened => (string?)happened["type"] == "api.call")["status"]);
    }

    [Theory]
    [InlineData(200, false)]
    [InlineData(500, false)]
    [InlineData(200, true)]
    public async Task A_credential_that_the_API_echoes_is_blanked(int status, bool compressed)
    {
        world.Api.Answer = async context =>
        {
            var authorization = context.Request.Headers.Authorization.ToString();
            context.Response.StatusCode = status;
            context.Response.Headers["X-Echo"] = authorization;
            var body = Encoding.UTF8.GetBytes($$"""{"sent":"{{authorization}}","basic":"{{Convert.ToBase64String(Encoding.UTF8.GetBytes("u:" + authorization[7..]))}}"}""");
            if (!compressed)
            {
                context.Response.ContentLength = body.Length;
                await context.Response.Body.WriteAsync(body);
                return;
            }
            context.Response.Headers.ContentEncoding = "gzip";
            await using var gzip = new GZipStream(context.Response.Body, CompressionLevel.Fastest);
            await gzip.WriteAsync(body);
        };
        using var request = world.Request(HttpMethod.Post, "/echo", new StringContent("y"));
        request.Headers.TryAddWithoutValidation("Accept-Encoding", "gzip, br");
        using var answer = await world.SendAsync(request, Cancelled);
        var text = await answer.Content.ReadAsStringAsync(Cancelled);
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal($"Bearer {new string('*', ProxyWorld.Credential.Length)}", (string?)JsonNode.Parse(text)!["sent"]);
        Assert.DoesNotContain("per-person", Encoding.UTF8.GetString(Convert.FromBase64String(((string)JsonNode.Parse(text)!["basic"]!).Replace('*', 'A'))));
        Assert.DoesNotContain(ProxyWorld.Credential, answer.Headers.ToString());
        Assert.Equal("identity", world.Api.Seen.Single().Headers["Accept-Encoding"]);
    }

    [Fact]
    public async Task Head_and_empty_answers_pass_with_their_length()
    {
        world.Api.Answer = context =>
        {
            context.Response.StatusCode = HttpMethods.IsHead(context.Request.Method) ? 200 : 204;
            if (HttpMethods.IsHead(context.Request.Method))
                context.Response.ContentLength = 1234;
            return Task.CompletedTask;
        };
        using var head = await world.SendAsync(HttpMethod.Head, "/x");
        Assert.Equal((HttpStatusCode.OK, 1234), (head.StatusCode, head.Content.Headers.ContentLength));
        using var empty = await world.SendAsync(HttpMethod.Delete, "/x");
        Assert.Equal(HttpStatusCode.NoContent, empty.StatusCode);
    }

    [Fact]
    public async Task A_long_answer_passes_whole_and_one_that_breaks_off_breaks_off_here_too()
    {
        var piece = RandomBytes(1 << 20);
        world.Api.Answer = async context =>
        {
            context.Response.ContentLength = 20L << 20;
            for (var index = 0; index < (context.Request.Path.Value!.EndsWith("broken", StringComparison.Ordinal) ? 3 : 20); index++)
                await context.Response.Body.WriteAsync(piece);
            if (context.Request.Path.Value.EndsWith("broken", StringComparison.Ordinal))
                context.Abort();
        };
        using (var answer = await world.GetAsync("/long"))
        {
            Assert.Equal(20L << 20, answer.Content.Headers.ContentLength);
            var bytes = await answer.Content.ReadAsByteArrayAsync(Cancelled);
            Assert.Equal(20 << 20, bytes.Length);
            Assert.True(bytes.AsSpan(19 << 20).SequenceEqual(piece));
        }
        using var broken = await world.GetAsync("/broken");
        await Assert.ThrowsAnyAsync<Exception>(() => broken.Content.ReadAsByteArrayAsync(Cancelled));
    }

    /// <summary>A body of unknown length that is written step by step.</summary>
    private sealed class SteppedContent(Func<Stream, Task> write) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => write(stream);

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }

    private static byte[] RandomBytes(int count)
    {
        var bytes = new byte[count];
        System.Security.Cryptography.RandomNumberGenerator.Fill(bytes);
        return bytes;
    }

    private async Task<List<JsonNode>> EventsAsync()
    {
        var listed = await kontext.Agent.ApiAsync(HttpMethod.Get, "/audit/events?limit=100", kontext.OwnerToken);
        return [.. listed.Json!["items"]!.AsArray().Where(happened => (string?)happened!["integrationId"] == world.IntegrationId).Select(happened => happened!)];
    }
}
