using System.Text;
using System.Text.Json.Nodes;
using Kontext.Domain.Gateway;

namespace Kontext.Domain.Tests.Gateway;

public sealed class RestArgumentsTests
{
    [Fact]
    public void Method_path_query_and_JSON_body_are_what_conditions_look_at()
    {
        var arguments = Json(Request("?state=open&label=a&label=b%20c&flag", "application/json; charset=utf-8", """{"amount":5}"""));

        Assert.Equal("POST", (string?)arguments["method"]);
        Assert.Equal("/payments", (string?)arguments["path"]);
        Assert.Equal("open", (string?)arguments["query"]!["state"]);
        Assert.Equal("b c", (string?)arguments["query"]!["label"]![1]);
        Assert.Equal("", (string?)arguments["query"]!["flag"]);
        Assert.Equal(5, (int)arguments["body"]!["amount"]!);
    }

    [Fact]
    public void A_request_without_a_body_has_arguments_without_one() =>
        Assert.Null(Json(Request("?a=1", "application/json", body: null))["body"]);

    [Theory]
    [InlineData("text/plain", """{"amount":5}""")]
    [InlineData("application/json", """{"amount":5""")]
    [InlineData("application/json", """{"amount":5,"amount":9}""")]
    [InlineData("application/json; charset=utf-7", """{"amount":5}""")]
    [InlineData("application/x-www-form-urlencoded", "amount=5")]
    public void A_body_that_may_be_read_otherwise_cannot_be_read_by_conditions_but_is_shown_and_bound(string type, string body)
    {
        var arguments = Encoding.UTF8.GetString(RestArguments.Of(Request("", type, body)).Span);
        Assert.ThrowsAny<System.Text.Json.JsonException>(() => JsonNode.Parse(arguments));
        Assert.Contains(body, arguments);
    }

    [Fact]
    public void A_body_nobody_looked_at_cannot_be_read_by_conditions() =>
        Assert.ThrowsAny<System.Text.Json.JsonException>(() => Json(Request("", "application/json", "{}") with { Body = new SeenBody(null) }));

    private static JsonNode Json(RestRequest request) => JsonNode.Parse(RestArguments.Of(request).Span)!;

    private static RestRequest Request(string query, string type, string? body)
    {
        RestPath.Parse("/payments").TryGet(out var path, out _);
        return new RestRequest { Method = "POST", Path = path!, Query = query, Headers = [new("Content-Type", type)], Body = body is null ? null : new SeenBody(Encoding.UTF8.GetBytes(body)) };
    }

    private sealed class SeenBody(byte[]? seen) : RestBody
    {
        public override long? Length => seen?.Length;

        public override ReadOnlyMemory<byte>? Seen => seen is null ? default(ReadOnlyMemory<byte>?) : new ReadOnlyMemory<byte>(seen);

        public override bool MayRepeat => true;

        public override long Sent => 0;

        public override Exception? Fault => null;

        public override Task CopyToAsync(Stream target, Action progress, CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
