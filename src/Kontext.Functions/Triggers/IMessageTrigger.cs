using System.Text.Json;

namespace Kontext.Functions.Triggers;

/// <summary>Work that a message of a queue starts. The Functions host posts the message to the function's name; an exception makes it deliver the message again.</summary>
internal interface IMessageTrigger
{
    /// <summary>The function's name: its folder under <c>host/</c>, which begins with <c>fn-</c> or <c>fn_</c> so that no HTTP route can spell it. No hyphens: the setting that switches it off bears its name, and settings of a Linux app have none.</summary>
    string Name { get; }

    /// <summary>Handles one message; its bytes as they were sent, empty when the post held none.</summary>
    Task RunAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken);
}

/// <summary>Reads what the host posts: <c>{"Data":{"message":"base64"},"Metadata":{...}}</c> for a binding of the data type binary.</summary>
internal static class MessagePost
{
    /// <summary>The name of the binding in function.json.</summary>
    private const string Binding = "message";

    // A queue's message has 64 KiB, a Service Bus message 256; base64 and metadata come on top.
    private const int MaxBytes = 1024 * 1024;

    /// <summary>The message; empty when there is none in it.</summary>
    public static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpContext context)
    {
        BodyLimit.Set(context, MaxBytes);
        try
        {
            using var post = await JsonDocument.ParseAsync(context.Request.Body, default, context.RequestAborted);
            return post.RootElement.ValueKind == JsonValueKind.Object && post.RootElement.TryGetProperty("Data", out var data)
                && data.ValueKind == JsonValueKind.Object && data.TryGetProperty(Binding, out var message)
                && message.ValueKind == JsonValueKind.String && message.TryGetBytesFromBase64(out var bytes) ? bytes : default(ReadOnlyMemory<byte>);
        }
        catch (JsonException malformed)
        {
            throw new BadHttpRequestException("The post is not JSON.", malformed);
        }
    }
}
