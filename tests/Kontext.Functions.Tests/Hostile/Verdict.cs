using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Kontext.Functions.Tests.Hostile;

/// <summary>Judges answers to hostile requests: never our fault, always in the surface's words, and nothing about the inside. Collects what is wrong, so that one run shows all of it.</summary>
internal sealed partial class Verdict
{
    private readonly ConcurrentDictionary<string, (string Example, int Count)> wrong = new(StringComparer.Ordinal);
    private int sent;
    private string? first;

    /// <summary>How many answers were judged.</summary>
    public int Sent => sent;

    /// <summary>Fails with every kind of fault and one example of each.</summary>
    public void Hold() => Assert.True(wrong.IsEmpty, $"{Sent} sent, {wrong.Count} kinds of fault, the first of them {first}\n" + string.Join('\n', wrong.OrderBy(fault => fault.Key, StringComparer.Ordinal).Take(60).Select(fault => $"{fault.Key} ({fault.Value.Count} times)\n    {fault.Value.Example}")));

    /// <summary>Notes a fault.</summary>
    public void Fault(string kind, string example)
    {
        Interlocked.CompareExchange(ref first, $"{kind}\n    {example}", null);
        wrong.AddOrUpdate(kind, (example, 1), (_, known) => (known.Example, known.Count + 1));
    }

    /// <summary>Sends a request and judges what comes; nothing at all is a fault.</summary>
    /// <returns>The status; 0 for none.</returns>
    public async Task<int> SendAsync(HttpClient http, HttpRequestMessage request, string what, Func<int, bool>? alsoFine = null)
    {
        Interlocked.Increment(ref sent);
        var place = $"{request.Method} {Place(request.RequestUri!)}";
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            // Streams that stay open have said what they have to say with their headers.
            var text = answer.Content.Headers.ContentType?.MediaType == "text/event-stream" && answer.StatusCode == HttpStatusCode.OK ? "" : await answer.Content.ReadAsStringAsync(limit.Token);
            Judge(place, what, request.RequestUri!, answer, text, alsoFine);
            return (int)answer.StatusCode;
        }
        catch (HttpRequestException early) when (what == "a megabyte" && early.InnerException is IOException)
        {
            // Refused with 413 before all of it was sent, which this client does not read on for (RFC 9110 section 15.5.14).
            return 413;
        }
        catch (HttpRequestException refused)
        {
            Fault($"{place} is not answered", $"{what}: {refused.Message} {refused.InnerException?.Message}");
        }
        catch (OperationCanceledException)
        {
            Fault($"{place} hangs", what);
        }
        return 0;
    }

    private void Judge(string place, string what, Uri address, HttpResponseMessage answer, string text, Func<int, bool>? alsoFine)
    {
        var status = (int)answer.StatusCode;
        var example = $"{what}: {status} {text[..Math.Min(text.Length, 700)]}";
        if (status >= 500 && alsoFine?.Invoke(status) != true)
            Fault($"{place} answers {status}", example);
        if (answer.Headers.Contains("X-Split") || answer.Headers.TryGetValues("Set-Cookie", out var cookies) && cookies.Any(cookie => cookie.StartsWith("x=1", StringComparison.Ordinal)))
            Fault($"{place} lets headers be split", example);
        if (status < 400)
            return;
        if (Inside().Match(text) is { Success: true } told)
            Fault($"{place} tells about the inside: {told.Value}", example);
        // What the server itself refuses before there is a route has no surface.
        if (!answer.Headers.Contains("X-Request-Id"))
        {
            if (text.Length > 0 || status is not (400 or 404 or 405 or 411 or 413 or 414 or 417 or 431 or 501))
                Fault($"{place} answers outside of any surface", example);
            return;
        }
        if (alsoFine?.Invoke(status) != true && FormatFault(address.AbsolutePath, answer, text) is { } fault)
            Fault($"{place} answers {status} {fault}", example);
    }

    private static string? FormatFault(string path, HttpResponseMessage answer, string text)
    {
        var media = answer.Content.Headers.ContentType?.MediaType;
        if (media == "text/html")
        {
            return !answer.Headers.TryGetValues("Content-Security-Policy", out var policy) || !policy.Single().Contains("frame-ancestors 'none'", StringComparison.Ordinal) ? "with a page without its policy"
                : text.Contains("<script>kx", StringComparison.Ordinal) || text.Contains("<img src=x", StringComparison.Ordinal) ? "with what was sent as markup" : null;
        }
        if (answer.RequestMessage?.Method == HttpMethod.Head)
            return null;
        if (media != "application/json")
            return $"as {media ?? "nothing"}, not in its surface's format";
        JsonNode? json;
        try
        {
            json = JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return "with what is no JSON";
        }
        var status = (int)answer.StatusCode;
        var api = json?["statusCode"] is JsonValue number && (int)number == status && !string.IsNullOrEmpty((string?)json["message"]);
        var oauth = json?["error"] is JsonValue error && error.GetValueKind() == JsonValueKind.String && ErrorCode().IsMatch((string)error!);
        var mcp = json?["error"] is JsonObject inner && inner["code"] is not null && inner["message"] is not null;
        var root = path.Split('/', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault()?.ToLowerInvariant();
        return root switch
        {
            "api" or "partner" or "proxy" => api ? null : "not in the words of the API",
            "oauth2" => oauth || api ? null : "not in the words of OAuth",
            "mcp" => mcp || oauth || api ? null : "not in the words of JSON-RPC",
            _ => api || oauth ? null : "in nobody's words",
        };
    }

    private static string Place(Uri address) => string.Join('/', address.AbsolutePath.Split('/').Take(6).Select(part => part.Length > 40 || Id().IsMatch(part) ? "{}" : part));

    [GeneratedRegex(@"^[0-9a-fA-F_app]*[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}")]
    private static partial Regex Id();

    [GeneratedRegex("^[a-z_]{4,}$")]
    private static partial Regex ErrorCode();

    [GeneratedRegex(@"\n\s+at \w+[.<]|[A-Z]\w+Exception\b|\.cs:line|System\.\w+\.|Microsoft\.\w+\.|Kontext\.(?:Domain|Functions)\.|/tmp/|/home/|/usr/share|kontext-keys|stack ?trace", RegexOptions.IgnoreCase)]
    private static partial Regex Inside();
}
