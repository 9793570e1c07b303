using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Channels;

namespace Kontext.Testing;

/// <summary>A message that was received.</summary>
/// <param name="Headers">The headers that matter to a receiver.</param>
/// <param name="Body">The body as it came.</param>
public sealed record ReceivedMessage(JsonObject Headers, string Body)
{
    /// <summary>The message's id, the same in every attempt.</summary>
    public string Id => (string)Headers["webhook-id"]!;

    /// <summary>The body.</summary>
    public JsonNode Json => JsonNode.Parse(Body)!;

    /// <summary>What it is about.</summary>
    public string Type => (string)Json["type"]!;
}

/// <summary>Somebody's webhook receiver on loopback, which answers as the test says.</summary>
public sealed class WebhookReceiver : IAsyncDisposable
{
    private readonly HttpListener listener = new();
    private readonly Channel<ReceivedMessage> received = Channel.CreateUnbounded<ReceivedMessage>();
    private readonly Task serving;

    /// <summary>Listens at a free port.</summary>
    public WebhookReceiver()
    {
        Url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{KontextServer.FreePort()}/hooks/");
        listener.Prefixes.Add(Url);
        listener.Start();
        serving = ServeAsync();
    }

    /// <summary>Its address.</summary>
    public string Url { get; }

    /// <summary>What it answers, by the number of the message, from 1; 0 to leave it without an answer.</summary>
    public Func<int, int> Answer { get; set; } = _ => 200;

    /// <summary>The next message.</summary>
    public ValueTask<ReceivedMessage> NextAsync(CancellationToken cancellationToken = default) => received.Reader.ReadAsync(cancellationToken);

    /// <summary>A message that came and was not asked for yet; null when there is none.</summary>
    public ReceivedMessage? Waiting => received.Reader.TryRead(out var message) ? message : null;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        listener.Close();
        await serving;
    }

    private async Task ServeAsync()
    {
        for (var number = 1; ; number++)
        {
            HttpListenerContext context;
            try
            {
                context = await listener.GetContextAsync();
            }
            catch (Exception closed) when (closed is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
            using var reader = new StreamReader(context.Request.InputStream, Encoding.UTF8);
            var body = await reader.ReadToEndAsync();
            var headers = new JsonObject();
            foreach (var name in context.Request.Headers.AllKeys.Where(name => name!.StartsWith("webhook-", StringComparison.OrdinalIgnoreCase)))
                headers[name!.ToLowerInvariant()] = context.Request.Headers[name];
            var status = Answer(number);
            if (status > 0)
            {
                context.Response.StatusCode = status;
                context.Response.Close();
            }
            received.Writer.TryWrite(new ReceivedMessage(headers, body));
        }
    }
}
