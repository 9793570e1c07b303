using System.Buffers;
using System.Text;
using Kontext.Domain;
using Kontext.Functions.Upstream;

namespace Kontext.Functions.Tests.Upstream;

public sealed class AnswerScannerTests
{
    private const string Message = """
        { "jsonrpc":"2.0" , "extra":[{"id":9,"result":{}}], "result": {"content":[{"type":"text","text":"a \"quoted\" } ] \\"}],"resultType":"complete","nested":{"isError":true},"isError":true ,"ttlMs":12,"cacheScope":"public","é":null}, "id" : 7 }
        """;

    [Fact]
    public void A_message_is_read_the_same_however_it_is_cut()
    {
        var bytes = Encoding.UTF8.GetBytes(Message);
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            var result = new ArrayBufferWriter<byte>();
            var scanner = new AnswerScanner(result);
            scanner.Feed(bytes.AsSpan(0, cut));
            Assert.Equal(cut >= bytes.Length, scanner.Complete);
            scanner.Feed(bytes.AsSpan(cut));

            Assert.True(scanner.Complete);
            Assert.Equal(("7", null, true, "complete", 12), (scanner.Id, scanner.Method, scanner.IsError, scanner.ResultType, scanner.TtlMs));
            Assert.Equal("""
                "content":[{"type":"text","text":"a \"quoted\" } ] \\"}],"nested":{"isError":true},"isError":true ,"é":null
                """, Encoding.UTF8.GetString(result.WrittenSpan));
        }
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("nonsense")]
    [InlineData("""{"id":1,"result":[]}""")]
    [InlineData("""{"id":1,"result":{},"result":{}}""")]
    [InlineData("""{"id":1} trailing""")]
    public void Anything_else_is_refused(string text) =>
        Assert.Throws<UpstreamAnswerException>(() => new AnswerScanner(new ArrayBufferWriter<byte>()).Feed(Encoding.UTF8.GetBytes(text)));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(1000)]
    public async Task Events_are_told_apart_whatever_their_line_ends_and_however_they_arrive(int size)
    {
        const string Text = ": comment\r\nid: 1\r\ndata: one\r\n\r\ndata:two\rdata: three\r\revent: message\ndataset: no\ndata: four\nretry: 5\n\ndata:\n\ndata: five";
        using var messages = new UpstreamMessages(new Pieces(Encoding.UTF8.GetBytes(Text), size), events: true, 10_000);
        var read = new List<string>();
        while (await messages.MoveNextAsync(default))
        {
            var message = new StringBuilder();
            for (var piece = await messages.ReadAsync(default); !piece.IsEmpty; piece = await messages.ReadAsync(default))
                message.Append(Encoding.UTF8.GetString(piece.Span));
            read.Add(message.ToString());
        }

        Assert.Equal(["one", "two\nthree", "four", "five"], read);
    }

    [Fact]
    public async Task More_than_the_limit_is_refused()
    {
        using var messages = new UpstreamMessages(new Pieces(new byte[2000], 100), events: false, 1000);
        await messages.MoveNextAsync(default);
        await Assert.ThrowsAsync<UpstreamAnswerException>(async () =>
        {
            while (!(await messages.ReadAsync(default)).IsEmpty)
            {
            }
        });
    }

    [Fact]
    public void A_credential_is_blanked_wherever_it_is_cut()
    {
        const string Text = "abc super-secret-value def super-secret-value";
        for (var cut = 0; cut <= Text.Length; cut++)
        {
            var scrub = new CredentialScrub(new Secret("super-secret-value"));
            var first = Encoding.UTF8.GetString(scrub.Clean(Encoding.UTF8.GetBytes(Text[..cut]), last: false).Span);
            var second = Encoding.UTF8.GetString(scrub.Clean(Encoding.UTF8.GetBytes(Text[cut..]), last: true).Span);
            Assert.Equal("abc ****************** def ******************", first + second);
        }
    }

    private sealed class Pieces(byte[] bytes, int size) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(size, buffer.Length)], cancellationToken);
    }
}
