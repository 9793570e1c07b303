using System.Buffers;
using System.Collections.Immutable;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Functions.Mcp;

namespace Kontext.Functions.Upstream;

/// <summary>A JSON-RPC error in a body.</summary>
internal sealed record JsonRpcErrorBody(int Code, string Message)
{
    /// <summary>Reads one; null when the body is something else.</summary>
    public static JsonRpcErrorBody? Read(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("jsonrpc", out _)
                && document.RootElement.TryGetProperty("error", out var error) && error.ValueKind == JsonValueKind.Object
                && error.TryGetProperty("code", out var code) && code.TryGetInt32(out var number)
                ? new JsonRpcErrorBody(number, error.TryGetProperty("message", out var message) && message.ValueKind == JsonValueKind.String ? message.GetString()! : "")
                : null;
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}

/// <summary>Finds out which revision a server speaks (protocols 1.5): asks it the modern way first, and falls back to <c>initialize</c> unless the answer is about something else than the revision.</summary>
internal sealed class HttpMcpUpstreamProbe(HttpClient http, HttpClient streams, UpstreamLimits limits)
{
    private const int MaxRefusalBytes = 64 * 1024;
    private const int MaxGreetingBytes = 1024 * 1024;

    /// <summary>Asks. A session that is still open is kept when the server turns out to be what it was.</summary>
    public async Task<Result<UpstreamEra>> RunAsync(Integration integration, Secret? credential, UpstreamEra? previous)
    {
        // The finding serves everybody who waits for it, so it is bound to no one client.
        using var budget = new CancellationTokenSource(limits.Call);
        return await WithinAsync(integration, async () =>
        {
            if (!(await DiscoverAsync(integration, credential, budget.Token)).TryGet(out var modern, out var failure))
                return failure;
            if (modern.Era is not null)
                return modern.Era;
            return previous is { Modern: false, IsOpen: true } ? previous with { } : await InitializeAsync(integration, credential, session: null, budget.Token);
        });
    }

    /// <summary>Opens a session for one client at an older server.</summary>
    public async Task<Result<UpstreamEra>> OpenAsync(Integration integration, Secret? credential, McpClientSession session)
    {
        using var budget = new CancellationTokenSource(limits.Call);
        return await WithinAsync(integration, () => InitializeAsync(integration, credential, session, budget.Token));
    }

    private static async Task<Result<UpstreamEra>> WithinAsync(Integration integration, Func<Task<Result<UpstreamEra>>> ask)
    {
        try
        {
            return await ask();
        }
        catch (OperationCanceledException)
        {
            return new Failure(FailureCode.Unavailable, $"{integration.Name} did not answer in time.");
        }
        catch (UpstreamUnavailableException unavailable)
        {
            return unavailable.FailureOf(integration.Name);
        }
        catch (UpstreamAnswerException fault)
        {
            return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} {fault.Message}.");
        }
        catch (HttpRequestException unreachable)
        {
            return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} cannot be reached.", unreachable.HttpRequestError.ToString());
        }
    }

    /// <summary>What a status says that has nothing to do with revisions; null for success and for the client errors that may have.</summary>
    public static Failure? FailureOf(Integration integration, HttpResponseMessage response) => response.StatusCode switch
    {
        HttpStatusCode.Unauthorized => new Failure(FailureCode.InvalidToken, $"{integration.Name} does not accept the connection's credential."),
        HttpStatusCode.Forbidden when RefusesToken(response) => new Failure(FailureCode.InvalidToken, $"{integration.Name} does not accept the connection's credential."),
        HttpStatusCode.Forbidden => new Failure(FailureCode.UpstreamFailed, $"{integration.Name} refused access (403){ScopeOf(response)}. The connection lacks a permission there.") { DemandedScopes = DemandedScopesOf(response) },
        HttpStatusCode.TooManyRequests => new Failure(FailureCode.RateLimited, $"{integration.Name} is limiting requests. Try again later.") { RetryAfter = RetryAfterOf(response) },
        >= HttpStatusCode.InternalServerError => new Failure(FailureCode.Unavailable, $"{integration.Name} answered with HTTP status {(int)response.StatusCode}. Try again later.") { RetryAfter = RetryAfterOf(response) },
        >= HttpStatusCode.MultipleChoices and < HttpStatusCode.BadRequest => new Failure(FailureCode.UpstreamFailed, $"{integration.Name} redirects elsewhere, which is not followed. An administrator has to set its final address."),
        _ => null,
    };

    /// <summary>The beginning of a body that should be small.</summary>
    public static async Task<byte[]> ReadBoundedAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        var buffer = new byte[MaxRefusalBytes];
        try
        {
            var read = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
            return buffer[..read];
        }
        catch (IOException)
        {
            return [];
        }
    }

    private async Task<Result<(UpstreamEra? Era, bool Asked)>> DiscoverAsync(Integration integration, Secret? credential, CancellationToken cancellationToken)
    {
        using var message = HttpMcpUpstreamMessage.Discover(integration, credential);
        using var response = await http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (FailureOf(integration, response) is { } failure)
            return failure;
        if (!response.IsSuccessStatusCode)
            return (null, true);
        using var found = await ReadResultAsync(integration, credential, response, cancellationToken);
        if (found is null || !found.RootElement.TryGetProperty("supportedVersions", out var versions) || versions.ValueKind != JsonValueKind.Array
            || !versions.EnumerateArray().Any(version => version.ValueKind == JsonValueKind.String && version.ValueEquals(McpProtocol.Modern)))
            return (null, true);
        return (new UpstreamEra(Modern: true, McpProtocol.Modern, SessionId: null, DescriptionOf(found.RootElement) with { Modern = true }), true);
    }

    private async Task<Result<UpstreamEra>> InitializeAsync(Integration integration, Secret? credential, McpClientSession? session, CancellationToken cancellationToken)
    {
        using var message = HttpMcpUpstreamMessage.Initialize(integration, credential, session);
        using var response = await http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (FailureOf(integration, response) is { } failure)
            return failure;
        if (!response.IsSuccessStatusCode)
            return await InitializeSseAsync(integration, credential, session, cancellationToken)
                ?? new Failure(FailureCode.UpstreamFailed, $"{integration.Name} answered with HTTP status {(int)response.StatusCode}; there is no MCP server at its address.");
        using var greeting = await ReadResultAsync(integration, credential, response, cancellationToken);
        if (greeting is null || !greeting.RootElement.TryGetProperty("protocolVersion", out var version) || version.ValueKind != JsonValueKind.String)
            return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} does not speak MCP at its address.");
        var opened = response.Headers.TryGetValues("Mcp-Session-Id", out var values) ? values.First() : null;
        if (opened is not null && !opened.All(character => character is >= '!' and <= '~'))
            return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} opened a session whose id is not allowed.");
        if (!McpProtocol.IsLegacy(version.GetString()!))
            return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} speaks a revision of MCP that is not known here.");
        var era = new UpstreamEra(Modern: false, version.GetString()!, opened, DescriptionOf(greeting.RootElement));
        era = era with { Server = era.Server with { Route = era.Route } };

        using var initialized = HttpMcpUpstreamMessage.InSession(integration, credential, """{"jsonrpc":"2.0","method":"notifications/initialized"}"""u8.ToArray(), era);
        using var accepted = await http.SendAsync(initialized, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        return era;
    }

    /// <summary>Servers of the first revision speak on a stream that is opened with GET; null when there is none (MCP 2025-11-25, Streamable HTTP, backwards compatibility).</summary>
    private async Task<Result<UpstreamEra>?> InitializeSseAsync(Integration integration, Secret? credential, McpClientSession? session, CancellationToken cancellationToken)
    {
        using var open = HttpMcpUpstreamMessage.OpenSse(integration, credential);
        if (await SseConnection.OpenAsync(await streams.SendAsync(open, HttpCompletionOption.ResponseHeadersRead, cancellationToken), new Uri(integration.Url), own: session is not null, (endpoint, id, method) => ReplyAsync(integration, credential, endpoint, id, method), cancellationToken) is not { } sse)
            return null;
        var answer = sse.AnswerTo(0);
        using var message = HttpMcpUpstreamMessage.Initialize(integration, credential, session, sse.Endpoint);
        using var accepted = await http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        using var greeting = accepted.IsSuccessStatusCode ? await ReadResultAsync(integration, credential, answer, events: true, cancellationToken) : null;
        if (greeting is null || !greeting.RootElement.TryGetProperty("protocolVersion", out var version) || version.ValueKind != JsonValueKind.String || !McpProtocol.IsLegacy(version.GetString()!))
        {
            sse.Dispose();
            return null;
        }
        var era = new UpstreamEra(Modern: false, version.GetString()!, SessionId: null, DescriptionOf(greeting.RootElement)) { Sse = sse, Endpoint = sse.Endpoint };
        using var initialized = HttpMcpUpstreamMessage.InSession(integration, credential, """{"jsonrpc":"2.0","method":"notifications/initialized"}"""u8.ToArray(), era);
        using var noted = await http.SendAsync(initialized, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        return era with { Server = era.Server with { Route = era.Route } };
    }

    /// <summary>Answers what a server of HTTP+SSE asks of us. Should that be lost, it asks again or ends the connection.</summary>
    private async Task ReplyAsync(Integration integration, Secret? credential, Uri endpoint, string id, string method)
    {
        using var limit = new CancellationTokenSource(limits.Notice);
        try
        {
            var era = new UpstreamEra(Modern: false, "2024-11-05", SessionId: null, new McpServerDescription(false, false, false, null)) { Endpoint = endpoint };
            using var message = HttpMcpUpstreamMessage.InSession(integration, credential, HttpMcpUpstreamSessions.ReplyTo(id, method), era);
            using var taken = await http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, limit.Token);
        }
        catch (Exception lost) when (lost is HttpRequestException or OperationCanceledException)
        {
            // The connection's other calls do not hang on it.
        }
    }

    private static async Task<JsonDocument?> ReadResultAsync(Integration integration, Secret? credential, HttpResponseMessage response, CancellationToken cancellationToken) =>
        await ReadResultAsync(integration, credential, await response.Content.ReadAsStreamAsync(cancellationToken), response.Content.Headers.ContentType?.MediaType == "text/event-stream", cancellationToken);

    private static async Task<JsonDocument?> ReadResultAsync(Integration integration, Secret? credential, Stream body, bool events, CancellationToken cancellationToken)
    {
        var messages = new UpstreamMessages(body, events, MaxGreetingBytes);
        await using var answer = new HttpMcpUpstreamAnswer(
            integration.Name, id: 0, connection: null, CancellationTokenSource.CreateLinkedTokenSource(cancellationToken), messages, InjectedCredential.ScrubFor(integration, credential), bytesIn: 0, static (_, _) => Task.CompletedTask, abandon: null);
        var result = new ArrayBufferWriter<byte>();
        result.Write("{"u8);
        while ((await answer.NextAsync(cancellationToken)).TryGet(out var part, out _) && part.Kind != AnswerPartKind.Error)
        {
            if (part.Kind == AnswerPartKind.Result)
                result.Write(part.Bytes.Span);
            if (!part.Last)
                continue;
            result.Write("}"u8);
            try
            {
                return JsonText.Parse(result.WrittenMemory);
            }
            catch (JsonException)
            {
                // Deeper than anybody reads, or broken where it was too large to be looked at whole.
                return null;
            }
        }
        return null;
    }

    private static McpServerDescription DescriptionOf(JsonElement greeting)
    {
        var capabilities = greeting.TryGetProperty("capabilities", out var declared) && declared.ValueKind == JsonValueKind.Object ? declared : default;
        bool Has(string name) => capabilities.ValueKind == JsonValueKind.Object && capabilities.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Object;
        bool Says(string name, string detail) => Has(name) && capabilities.GetProperty(name).TryGetProperty(detail, out var value) && value.ValueKind == JsonValueKind.True;
        bool Offers(JsonElement within, params ReadOnlySpan<string> path)
        {
            foreach (var name in path)
            {
                if (within.ValueKind != JsonValueKind.Object || !within.TryGetProperty(name, out within) || within.ValueKind != JsonValueKind.Object)
                    return false;
            }
            return true;
        }
        return new McpServerDescription(
            Has("resources"), Has("prompts"), Has("completions"),
            greeting.TryGetProperty("instructions", out var instructions) && instructions.ValueKind == JsonValueKind.String ? instructions.GetString() : null)
        {
            Tasks = Has("extensions") && capabilities.GetProperty("extensions").TryGetProperty(McpProtocol.TasksExtension, out _),
            CallTasks = Offers(capabilities, "tasks", "requests", "tools", "call"),
            CancelsTasks = Offers(capabilities, "tasks", "cancel"),
            ListsTasks = Offers(capabilities, "tasks", "list"),
            Logging = Has("logging"),
            ResourceSubscriptions = Says("resources", "subscribe"),
            ToolChanges = Says("tools", "listChanged"),
            PromptChanges = Says("prompts", "listChanged"),
            ResourceChanges = Says("resources", "listChanged"),
        };
    }

    /// <summary>How long a server asks to wait, in either form (RFC 9110 section 10.2.3); a date is held against the server's own clock. Null when it does not say.</summary>
    public static TimeSpan? RetryAfterOf(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } when response.Headers.Date is { } now => date > now ? date - now : TimeSpan.Zero,
        _ => null,
    };

    /// <summary>Some servers answer a bad token with 403 and say so in the challenge (RFC 6750 section 3.1 has 401 for it).</summary>
    public static bool RefusesToken(HttpResponseMessage response) =>
        response.Headers.WwwAuthenticate.Any(challenge => challenge.Parameter?.Contains("error=\"invalid_token\"", StringComparison.Ordinal) == true);

    /// <summary>The scopes a server says are missing (RFC 6750 section 3.1); null when it does not say that.</summary>
    public static ImmutableArray<string>? DemandedScopesOf(HttpResponseMessage response)
    {
        var challenge = response.Headers.WwwAuthenticate.ToString();
        return ChallengeParameters.Find(challenge, "error") == "insufficient_scope" && ChallengeParameters.ScopesOf(challenge) is { IsEmpty: false } scopes ? scopes : null;
    }

    private static string ScopeOf(HttpResponseMessage response) =>
        ChallengeParameters.ScopesOf(response.Headers.WwwAuthenticate.ToString()) is { IsEmpty: false } scopes ? $": it asks for scope {string.Join(' ', scopes)}" : "";
}
