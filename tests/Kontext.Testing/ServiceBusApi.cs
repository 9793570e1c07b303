using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kontext.Testing;

/// <summary>A message a queue took.</summary>
/// <param name="Body">Its bytes.</param>
/// <param name="MessageId">Its id.</param>
/// <param name="Scheduled">Before when nobody gets it; null when it can be had at once.</param>
public sealed record QueuedMessage(byte[] Body, string? MessageId, DateTimeOffset? Scheduled);

/// <summary>A Service Bus namespace with one queue, as its REST reference describes sending ("Send Message", "Send Message Batch"): what the service refuses, this refuses.
/// It takes the place of the network beneath a client.</summary>
public sealed class ServiceBusApi(string host, string queue, string token) : HttpMessageHandler
{
    private const string Batch = "application/vnd.microsoft.servicebus.json";

    // Of the standard tier.
    private const int MostBytes = 256 * 1024;
    private const int LongestId = 128;

    private static readonly HashSet<string> Known = new(StringComparer.Ordinal)
    {
        "ContentType", "CorrelationId", "ForcePersistence", "Label", "MessageId", "PartitionKey", "ReplyTo", "ReplyToSessionId", "ScheduledEnqueueTimeUtc", "SessionId", "TimeToLive", "TimeToLiveTimeSpan", "To",
    };

    private readonly HashSet<string> ids = new(StringComparer.Ordinal);
    private readonly List<QueuedMessage> messages = [];

    /// <summary>What the queue holds. Of messages with one id there is one (duplicate detection).</summary>
    public IReadOnlyList<QueuedMessage> Messages => messages;

    /// <summary>How many requests came.</summary>
    public int Requests { get; private set; }

    /// <summary>Answers, in turn, instead of its own; a request that is refused so is not looked at.</summary>
    public Queue<HttpStatusCode> Refusals { get; } = [];

    /// <summary>It takes what comes, and the answer gets lost so many times.</summary>
    public int LostAnswers { get; set; }

    /// <summary>Whether the caller may manage the queue: only then is it told about it.</summary>
    public bool MayManage { get; set; }

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Requests++;
        if (Refusals.TryDequeue(out var refusal))
            return new HttpResponseMessage(refusal);
        var status = await AnswerAsync(request, cancellationToken);
        if (LostAnswers > 0)
        {
            LostAnswers--;
            throw new HttpRequestException("The connection was closed.");
        }
        return new HttpResponseMessage(status);
    }

    private async Task<HttpStatusCode> AnswerAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (request.RequestUri is not { Scheme: "https" } uri || uri.Host != host)
            return HttpStatusCode.BadRequest;
        if (request.Headers.Authorization is not { Scheme: "Bearer" } authorization || authorization.Parameter != token)
            return HttpStatusCode.Unauthorized;
        var path = uri.AbsolutePath.Trim('/').Split('/');
        if (path[0] != queue)
            return HttpStatusCode.NotFound;
        if (request.Method == HttpMethod.Get && path.Length == 1)
            return MayManage ? HttpStatusCode.OK : HttpStatusCode.Unauthorized;
        if (request.Method != HttpMethod.Post || path is not [_, "messages"] || request.Content is not { } content)
            return HttpStatusCode.MethodNotAllowed;
        var body = await content.ReadAsByteArrayAsync(cancellationToken);
        if (body.Length > MostBytes)
            return HttpStatusCode.Forbidden;
        var type = content.Headers.TryGetValues("Content-Type", out var types) ? string.Join(',', types) : "";
        return type.StartsWith(Batch, StringComparison.Ordinal) ? TakeBatch(type, request, body) : TakeOne(request, body);
    }

    private HttpStatusCode TakeOne(HttpRequestMessage request, byte[] body)
    {
        JsonObject? properties = null;
        if (request.Headers.TryGetValues("BrokerProperties", out var headers))
        {
            if (headers.ToList() is not [var text] || !Ascii.IsValid(text) || (properties = ObjectOf(text)) is null)
                return HttpStatusCode.BadRequest;
        }
        if (MessageOf(body, properties) is not { } message)
            return HttpStatusCode.BadRequest;
        Take([message]);
        return HttpStatusCode.Created;
    }

    private HttpStatusCode TakeBatch(string type, HttpRequestMessage request, byte[] body)
    {
        // No parameters, and properties belong to each message.
        if (type != Batch || request.Headers.Contains("BrokerProperties"))
            return HttpStatusCode.BadRequest;
        var taken = new List<QueuedMessage>();
        try
        {
            if (JsonNode.Parse(body) is not JsonArray { Count: > 0 } batch)
                return HttpStatusCode.BadRequest;
            foreach (var entry in batch)
            {
                if (entry is not JsonObject fields || fields.Any(field => field.Key is not ("Body" or "BrokerProperties" or "UserProperties"))
                    || fields["Body"]?.GetValueKind() != JsonValueKind.String
                    || MessageOf(Encoding.UTF8.GetBytes((string)fields["Body"]!), fields["BrokerProperties"] as JsonObject) is not { } message)
                    return HttpStatusCode.BadRequest;
                taken.Add(message);
            }
        }
        catch (JsonException)
        {
            return HttpStatusCode.BadRequest;
        }
        Take(taken);
        return HttpStatusCode.Created;
    }

    private static QueuedMessage? MessageOf(byte[] body, JsonObject? properties)
    {
        DateTimeOffset? scheduled = null;
        if (properties?.Any(property => !Known.Contains(property.Key)) == true)
            return null;
        if ((string?)properties?["ScheduledEnqueueTimeUtc"] is { } time)
        {
            if (!DateTimeOffset.TryParseExact(time, "R", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at))
                return null;
            scheduled = at;
        }
        var id = (string?)properties?["MessageId"];
        return id?.Length is 0 or > LongestId ? null : new QueuedMessage(body, id, scheduled);
    }

    private static JsonObject? ObjectOf(string text)
    {
        try
        {
            return JsonNode.Parse(text) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private void Take(IEnumerable<QueuedMessage> taken) => messages.AddRange(taken.Where(message => message.MessageId is null || ids.Add(message.MessageId)));
}
