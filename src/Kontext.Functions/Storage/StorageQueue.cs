using System.Globalization;
using System.Net;
using System.Xml.Linq;
using Azure;
using Azure.Core;
using Kontext.Domain.Work;
using Kontext.Functions.Health;
using Kontext.Functions.Work;

namespace Kontext.Functions.Storage;

/// <summary>The work queue in Azure Storage, or Azurite, by its REST API. Texts are base64, as host.json tells the Functions host.</summary>
internal sealed class StorageQueue(StorageAccount account, TimeProvider time) : IWorkQueue, IWorkSource, IDependency
{
    private const string QueueName = "kontext-work";

    // The service's own limit; nothing is put off for longer.
    private static readonly TimeSpan LongestDelay = TimeSpan.FromDays(7) - TimeSpan.FromMinutes(1);

    private readonly QueueService service = new(account, time);

    /// <inheritdoc/>
    public async Task EnqueueAsync(WorkItem item, TimeSpan delay, CancellationToken cancellationToken)
    {
        // A message lives until it is done: an expired one would be lost without a word.
        var address = $"{QueueName}/messages?messagettl=-1&visibilitytimeout={Seconds(delay < LongestDelay ? delay : LongestDelay)}";
        for (var created = false; ; created = true)
        {
            using var message = service.Request(RequestMethod.Post, address, TextOf(WorkMessage.Write(item)));
            await service.SendAsync(message, cancellationToken);
            if (message.Response.Status == (int)HttpStatusCode.Created)
                return;
            if (created || message.Response.Status != (int)HttpStatusCode.NotFound)
                throw new RequestFailedException(message.Response);
            await CreateAsync(cancellationToken);
        }
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ReceivedWork>> ReceiveAsync(int max, TimeSpan hidden, CancellationToken cancellationToken)
    {
        using var message = service.Request(RequestMethod.Get, string.Create(CultureInfo.InvariantCulture, $"{QueueName}/messages?numofmessages={max}&visibilitytimeout={Seconds(hidden)}"), body: null);
        await service.SendAsync(message, cancellationToken);
        if (message.Response.Status == (int)HttpStatusCode.NotFound)
            return [];
        return message.Response.Status == (int)HttpStatusCode.OK
            ? [.. XDocument.Load(message.Response.Content.ToStream()).Descendants("QueueMessage").Select(Read)]
            : throw new RequestFailedException(message.Response);
    }

    /// <inheritdoc/>
    public async Task CompleteAsync(ReceivedWork work, CancellationToken cancellationToken)
    {
        using var message = service.Request(RequestMethod.Delete, AddressOf(work), body: null);
        await service.SendAsync(message, cancellationToken);
        // Gone, or handed out again since: whoever has it now completes it.
        if (message.Response.Status is not ((int)HttpStatusCode.NoContent or (int)HttpStatusCode.NotFound or (int)HttpStatusCode.BadRequest))
            throw new RequestFailedException(message.Response);
    }

    /// <inheritdoc/>
    public async Task ReleaseAsync(ReceivedWork work, TimeSpan wait, CancellationToken cancellationToken)
    {
        using var message = service.Request(RequestMethod.Put, $"{AddressOf(work)}&visibilitytimeout={Seconds(wait)}", TextOf(work.Body.Span));
        await service.SendAsync(message, cancellationToken);
        if (message.Response.Status is not ((int)HttpStatusCode.NoContent or (int)HttpStatusCode.NotFound or (int)HttpStatusCode.BadRequest))
            throw new RequestFailedException(message.Response);
    }

    /// <inheritdoc/>
    public string Name => "queue";

    /// <summary>Asks for the queue's properties. One that is not there yet is made when it is first needed.</summary>
    public async Task ProbeAsync(CancellationToken cancellationToken)
    {
        using var message = service.Request(RequestMethod.Get, $"{QueueName}?comp=metadata", body: null);
        await service.SendAsync(message, cancellationToken);
        if (message.Response.Status is not ((int)HttpStatusCode.OK or (int)HttpStatusCode.NotFound))
            throw new RequestFailedException(message.Response);
    }

    private async Task CreateAsync(CancellationToken cancellationToken)
    {
        using var message = service.Request(RequestMethod.Put, QueueName, body: null);
        await service.SendAsync(message, cancellationToken);
        if (message.Response.Status is not ((int)HttpStatusCode.Created or (int)HttpStatusCode.NoContent or (int)HttpStatusCode.Conflict))
            throw new RequestFailedException(message.Response);
    }

    private static ReceivedWork Read(XElement message)
    {
        var text = (string?)message.Element("MessageText") ?? "";
        var body = new byte[text.Length];
        // A text that is not base64 is nobody's work; it is given up as it stands.
        var read = Convert.TryFromBase64String(text, body, out var length) ? body[..length] : System.Text.Encoding.UTF8.GetBytes(text);
        return new ReceivedWork((string)message.Element("MessageId")!, (string)message.Element("PopReceipt")!, read, (long)message.Element("DequeueCount")!);
    }

    private static string AddressOf(ReceivedWork work) => $"{QueueName}/messages/{work.Id}?popreceipt={Uri.EscapeDataString(work.Receipt)}";

    // Base64 has nothing that XML would escape.
    private static string TextOf(ReadOnlySpan<byte> body) => $"<QueueMessage><MessageText>{Convert.ToBase64String(body)}</MessageText></QueueMessage>";

    private static string Seconds(TimeSpan span) => Math.Max(0, (long)Math.Ceiling(span.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
}
