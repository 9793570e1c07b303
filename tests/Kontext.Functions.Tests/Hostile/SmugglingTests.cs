using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Kontext.Functions.Tests.Hostile;

/// <summary>Requests that two servers would read differently, and request lines of proxies, byte by byte: answered with a refusal, and never one request taken for two.</summary>
public sealed class SmugglingTests(HostileWorld world) : IClassFixture<HostileWorld>
{
    private const string Hidden = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n";

    private string Host => world.Server.Url.Authority;

    public static TheoryData<string, string> Refused => new()
    {
        { "two lengths", "POST /oauth2/token HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\na=b" },
        { "a list of lengths", "POST /oauth2/token HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3, 5\r\n\r\na=b" },
        { "a negative length", "POST /oauth2/token HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1\r\n\r\na=b" },
        { "a hexadecimal length", "POST /oauth2/token HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0x3\r\n\r\na=b" },
        { "a length beyond numbers", "POST /oauth2/token HTTP/1.1\r\nHost: {host}\r\nContent-Length: 99999999999999999999\r\n\r\na=b" },
        { "an unknown transfer coding", "POST /oauth2/token HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" },
        { "chunked that is not last", "POST /oauth2/token HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" },
        { "a chunk size that is none", "POST /oauth2/token HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n" },
        { "a chunk size beyond numbers", "POST /oauth2/token HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n" },
        { "a folded header", "GET /healthz HTTP/1.1\r\nHost: {host}\r\nX-A: b\r\n c\r\n\r\n" },
        { "a space before the colon", "GET /healthz HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding : chunked\r\n\r\n" },
        { "a header without a name", "GET /healthz HTTP/1.1\r\nHost: {host}\r\n: x\r\n\r\n" },
        { "a header without a colon", "GET /healthz HTTP/1.1\r\nHost: {host}\r\nX\r\n\r\n" },
        { "a bare CR in a header", "GET /healthz HTTP/1.1\r\nHost: {host}\r\nX-A: b\rX-B: c\r\n\r\n" },
        { "a NUL in a header", "GET /healthz HTTP/1.1\r\nHost: {host}\r\nX-A: b\0c\r\n\r\n" },
        { "no Host", "GET /healthz HTTP/1.1\r\n\r\n" },
        { "two Hosts", "GET /healthz HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n\r\n" },
        { "a Host that is none", "GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n" },
        { "a Host with a path", "GET /healthz HTTP/1.1\r\nHost: {host}/x\r\n\r\n" },
        { "an absolute target for another host", "GET http://evil.example/healthz HTTP/1.1\r\nHost: {host}\r\n\r\n" },
        { "an authority target", "CONNECT evil.example:443 HTTP/1.1\r\nHost: {host}\r\n\r\n" },
        { "an authority target with GET", "GET evil.example:443 HTTP/1.1\r\nHost: {host}\r\n\r\n" },
        { "an asterisk with GET", "GET * HTTP/1.1\r\nHost: {host}\r\n\r\n" },
        { "a target without a slash", "GET healthz HTTP/1.1\r\nHost: {host}\r\n\r\n" },
        { "a target with a space", "GET /healthz x HTTP/1.1\r\nHost: {host}\r\n\r\n" },
        { "a NUL in the target", "GET /he\0althz HTTP/1.1\r\nHost: {host}\r\n\r\n" },
        { "an encoded NUL in the target", "GET /login%00 HTTP/1.1\r\nHost: {host}\r\n\r\n" },
        { "a method that is none", "GE T /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n" },
        { "another protocol", "GET /healthz HTTP/9.9\r\nHost: {host}\r\n\r\n" },
        { "no protocol", "GET /healthz\r\nHost: {host}\r\n\r\n" },
        { "a request line without an end", "GET /" + new string('a', 20_000) + " HTTP/1.1\r\nHost: {host}\r\n\r\n" },
        { "headers without an end", "GET /healthz HTTP/1.1\r\nHost: {host}\r\nX-A: " + new string('a', 60_000) + "\r\n\r\n" },
        { "too many headers", "GET /healthz HTTP/1.1\r\nHost: {host}\r\n" + string.Concat(Enumerable.Repeat("X-A: b\r\n", 500)) + "\r\n" },
        { "a TLS greeting", "\u0016\u0003\u0001\u0000\u00a5\u0001\u0000\u0000\u00a1\u0003\u0003\r\n\r\n" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task What_HTTP_forbids_is_refused_and_the_connection_closed(string what, string request)
    {
        var answers = await ExchangeAsync(request.Replace("{host}", Host, StringComparison.Ordinal) + Hidden);
        var statuses = Statuses(answers);
        Assert.True(statuses.Count == 1 && statuses[0] is (>= 400 and < 500) or 505, $"{what}: {answers}");
        Assert.DoesNotContain("Exception", answers, StringComparison.Ordinal);
        await world.LivesAsync();
    }

    /// <summary>RFC 9112 section 6.1: chunked wins, and the connection is not used again; or the request is refused.</summary>
    [Theory]
    [InlineData("Content-Length: 3\r\nTransfer-Encoding: chunked")]
    [InlineData("Transfer-Encoding: chunked\r\nContent-Length: 60")]
    [InlineData("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")]
    [InlineData("Transfer-Encoding: CHUNKED")]
    [InlineData("Transfer-Encoding: identity, chunked")]
    public async Task A_hidden_request_is_never_taken_for_one_of_its_own(string lengths)
    {
        // Read by Content-Length the chunks would be the body, and what follows the next request; read as chunks the body is empty.
        var answers = await ExchangeAsync($"POST /oauth2/token HTTP/1.1\r\nHost: {Host}\r\nContent-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n{lengths}\r\n\r\n0\r\n\r\n");
        var statuses = Statuses(answers);
        Assert.True(statuses.Count == 1 && statuses[0] is >= 400 and < 500, answers);
        var smuggled = await ExchangeAsync($"POST /oauth2/token HTTP/1.1\r\nHost: {Host}\r\nContent-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n{lengths}\r\n\r\n3b\r\na=b&{Hidden}\r\n0\r\n\r\n");
        Assert.DoesNotContain("200 OK", smuggled, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("evil.example")]
    [InlineData("evil.example:99999")]
    [InlineData("127.0.0.1@evil.example")]
    [InlineData("[::1]")]
    [InlineData("localhost")]
    public async Task A_foreign_host_is_never_said_back(string host)
    {
        foreach (var path in new[] { "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/.well-known/oauth-protected-resource/mcp", "/mcp", "/login?return_to=/console", "/console", "/oauth2/device/authorize", "/openapi/v1.json", "/", "/.well-known/oauth-client" })
        {
            var method = path is "/mcp" or "/oauth2/device/authorize" ? "POST" : "GET";
            var answer = await ExchangeAsync($"{method} {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: ftp\r\nX-Forwarded-For: 10.0.0.1\r\nForwarded: host=evil.example\r\nX-Original-Host: evil.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            Assert.DoesNotContain("evil.example", answer, StringComparison.Ordinal);
            Assert.True(Statuses(answer) is [< 500], answer);
        }
    }

    [Theory]
    [InlineData("X-Forwarded-For: 127.0.0.1")]
    [InlineData("x-forwarded-for: ")]
    [InlineData("X-FORWARDED-HOST: x")]
    [InlineData("x-ms-invocation-id: 1")]
    public async Task A_trigger_is_not_there_for_what_came_in_from_outside(string header)
    {
        foreach (var trigger in new[] { "fn-audit-seal", "fn-refresh-sweep", "fn-expiry-sweep", "fn-webhook-sweep", "fn-data-keys", "fn_bus_work", "fn_queue_work", "fn_queue_poison", "fn_bus_dead", "FN-AUDIT-SEAL", "fn%2daudit-seal", "/fn-audit-seal", "fn-audit-seal/", "x/../fn-audit-seal", "%2e/fn-audit-seal" })
        {
            foreach (var method in new[] { "POST", "GET", "PUT", "OPTIONS", "HEAD" })
            {
                var answer = await ExchangeAsync($"{method} /{trigger} HTTP/1.1\r\nHost: {Host}\r\n{header}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}");
                Assert.True(Statuses(answer) is [404], $"{method} {trigger}: {answer}");
                Assert.DoesNotContain("\nAllow:", answer, StringComparison.OrdinalIgnoreCase);
            }
        }
    }

    [Fact]
    public async Task A_client_that_hangs_up_in_the_middle_leaves_the_server_as_it_was()
    {
        for (var length = 1; length < 120; length += 7)
        {
            var whole = $"POST /oauth2/token HTTP/1.1\r\nHost: {Host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 40\r\n\r\ngrant_type=x";
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, world.Server.Url.Port);
            await client.GetStream().WriteAsync(Encoding.Latin1.GetBytes(whole[..Math.Min(length * 2, whole.Length)]));
            client.LingerState = new LingerOption(true, 0);
        }
        await world.LivesAsync();
    }

    /// <summary>Everything the server says until it closes the connection.</summary>
    private async Task<string> ExchangeAsync(string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, world.Server.Url.Port);
        var stream = client.GetStream();
        var all = new StringBuilder();
        var buffer = new byte[16 * 1024];
        try
        {
            await stream.WriteAsync(Encoding.Latin1.GetBytes(request));
        }
        catch (IOException)
        {
            // The server closed before it had read everything, as it may after a refusal. What it said is still to be read.
        }
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            while (await stream.ReadAsync(buffer, limit.Token) is > 0 and var read)
                all.Append(Encoding.Latin1.GetString(buffer, 0, read));
        }
        catch (IOException)
        {
            // Likewise: a connection that is reset is closed.
        }
        return all.ToString();
    }

    private static List<int> Statuses(string answers)
    {
        var statuses = new List<int>();
        for (var at = answers.IndexOf("HTTP/1.1 ", StringComparison.Ordinal); at >= 0; at = answers.IndexOf("HTTP/1.1 ", at + 9, StringComparison.Ordinal))
            statuses.Add(int.Parse(answers.AsSpan(at + 9, 3), CultureInfo.InvariantCulture));
        return statuses;
    }
}
