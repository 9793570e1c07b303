using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Kontext.Domain.Gateway;

/// <summary>A proxied request as conditions of policy and people who approve it see it: <c>method</c>, <c>path</c>, <c>query</c> and, where it is JSON, <c>body</c>.</summary>
public static class RestArguments
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 60 };
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The arguments. A body that cannot be read as JSON makes them text that conditions cannot read either, so that a rule with conditions denies rather than being got around.</summary>
    public static ReadOnlyMemory<byte> Of(RestRequest request)
    {
        if (request.Body is null)
            return Json(request, body: default);
        if (request.Body.Seen is not { } seen)
            return Text(request, "a body that is too large, or of a length not announced, to be looked at");
        if (seen.IsEmpty)
            return Json(request, body: default);
        if (IsJson(request))
        {
            try
            {
                using var body = JsonText.Parse(seen, Strict);
                return Json(request, body.RootElement);
            }
            catch (JsonException)
            {
                // Then it is shown, and bound to an approval, as the bytes it is.
            }
        }
        try
        {
            return Text(request, Utf8.GetString(seen.Span));
        }
        catch (DecoderFallbackException)
        {
            return Text(request, $"{seen.Length} bytes with the SHA-256 digest {Convert.ToHexStringLower(SHA256.HashData(seen.Span))}");
        }
    }

    private static ReadOnlyMemory<byte> Json(RestRequest request, JsonElement body)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("method"u8, request.Method);
            writer.WriteString("path"u8, request.Path.Text);
            writer.WriteStartObject("query"u8);
            foreach (var (name, values) in QueryOf(request.Query))
            {
                // Which of several values counts is up to the service: none is picked here.
                if (values.Count == 1)
                {
                    writer.WriteString(name, values[0]);
                    continue;
                }
                writer.WriteStartArray(name);
                foreach (var value in values)
                    writer.WriteStringValue(value);
                writer.WriteEndArray();
            }
            writer.WriteEndObject();
            if (body.ValueKind != JsonValueKind.Undefined)
            {
                writer.WritePropertyName("body"u8);
                body.WriteTo(writer);
            }
            writer.WriteEndObject();
        }
        return buffer.WrittenMemory;
    }

    private static ReadOnlyMemory<byte> Text(RestRequest request, string body) => Encoding.UTF8.GetBytes($"{request.Method} {request.Path.Text}{request.Query}\n\n{body}");

    private static List<KeyValuePair<string, List<string>>> QueryOf(string query)
    {
        var parameters = new List<KeyValuePair<string, List<string>>>();
        foreach (var pair in query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            var name = Decoded(equals < 0 ? pair : pair[..equals]);
            var values = parameters.Find(known => known.Key == name).Value;
            if (values is null)
                parameters.Add(new(name, values = []));
            values.Add(equals < 0 ? "" : Decoded(pair[(equals + 1)..]));
        }
        return parameters;
    }

    private static string Decoded(string text) => Uri.UnescapeDataString(text.Replace('+', ' '));

    private static bool IsJson(RestRequest request)
    {
        var types = request.Headers.Where(header => header.Key.Equals("Content-Type", StringComparison.OrdinalIgnoreCase)).Select(header => header.Value).ToList();
        var encoded = request.Headers.Any(header => header.Key.Equals("Content-Encoding", StringComparison.OrdinalIgnoreCase));
        return !encoded && types.Count == 1 && types[0].Split(';', StringSplitOptions.TrimEntries) is var parts
            && (parts[0].Equals("application/json", StringComparison.OrdinalIgnoreCase) || parts[0].EndsWith("+json", StringComparison.OrdinalIgnoreCase))
            && parts[1..].All(part => !part.StartsWith("charset=", StringComparison.OrdinalIgnoreCase) || part[8..].Trim('"').Equals("utf-8", StringComparison.OrdinalIgnoreCase));
    }
}
