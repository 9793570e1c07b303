using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kontext.Domain.OAuth;

namespace Kontext.Chaos;

/// <summary>Sends what agents ask, each with a trace of its own, and says what the answer means.</summary>
internal sealed class AgentRequests(Journal journal) : IDisposable
{
    private const string Modern = "2026-07-28";

    private readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false, ActivityHeadersPropagator = null });

    /// <summary>Asks, and writes the answer down.</summary>
    public async Task<Attempt> AskAsync(AskedFor wanted, AgentSession session, Account account, Instance at)
    {
        var trace = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        journal.Sent(trace, at.Number);
        using var request = wanted == AskedFor.Credential ? Exchange(at.Url, session, account) : Call(at.Url, session, account);
        request.Headers.Add("traceparent", $"00-{trace}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}-01");
        var attempt = new Attempt { AskedFor = wanted, Trace = trace, Instance = at.Number, Session = session, Account = account, Started = journal.Now };
        try
        {
            using var answer = await http.SendAsync(request);
            var text = await answer.Content.ReadAsStringAsync();
            attempt = attempt with { Ended = journal.Now };
            attempt = wanted == AskedFor.Credential ? OfExchange(attempt, answer, JsonOf(text)) : OfCall(attempt, answer, JsonOf(text));
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException or OperationCanceledException)
        {
            attempt = attempt with { Ended = journal.Now, Verdict = Verdict.Gone, Words = failure.Message };
        }
        journal.Attempts.Enqueue(attempt);
        return attempt;
    }

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    private static HttpRequestMessage Exchange(Uri instance, AgentSession session, Account account) => new(HttpMethod.Post, new Uri(instance, "/oauth2/token"))
    {
        Content = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "urn:ietf:params:oauth:grant-type:token-exchange",
            ["client_id"] = session.Agent.ClientId,
            ["subject_token_type"] = SubjectTokenTypes.AccessToken,
            ["subject_token"] = session.Token,
            ["resource"] = account.Name,
        }),
    };

    private static HttpRequestMessage Call(Uri instance, AgentSession session, Account account)
    {
        var tool = $"{account.Name}__echo";
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(instance, "/mcp"))
        {
            Content = new StringContent(
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"" + tool + "\",\"arguments\":{\"text\":\"hello\"},"
                + "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"" + Modern + "\",\"io.modelcontextprotocol/clientCapabilities\":{}}}}", Encoding.UTF8, "application/json"),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", session.Token);
        request.Headers.Accept.ParseAdd("application/json");
        request.Headers.Accept.ParseAdd("text/event-stream");
        request.Headers.Add("MCP-Protocol-Version", Modern);
        request.Headers.Add("Mcp-Method", "tools/call");
        request.Headers.Add("Mcp-Name", tool);
        return request;
    }

    private static Attempt OfExchange(Attempt attempt, HttpResponseMessage answer, JsonNode? json)
    {
        if (answer.StatusCode == HttpStatusCode.OK && (string?)json?["access_token"] is { } credential)
            return attempt with { Verdict = Verdict.Served, Credential = credential };
        var verdict = ((int)answer.StatusCode, (string?)json?["error"]) switch
        {
            (503, "temporarily_unavailable") => LaterIf(answer),
            (400, "integration_required") => Verdict.NotConnected,
            (400, "invalid_grant") or (401, "invalid_client") or (403, "access_denied") => Verdict.Refused,
            _ => Verdict.Undocumented,
        };
        return attempt with { Verdict = verdict, Words = Words(answer, json) };
    }

    private static Attempt OfCall(Attempt attempt, HttpResponseMessage answer, JsonNode? json)
    {
        var result = json?["result"];
        if (answer.StatusCode == HttpStatusCode.OK && result is not null && (bool?)result["isError"] != true)
            return attempt with { Verdict = (string?)result["resultType"] == "input_required" ? Verdict.NotConnected : Verdict.Served, Words = Words(answer, json) };
        var text = Words(answer, json);
        var code = (string?)json?["error"]?["data"]?["code"] ?? "";
        var verdict = (int)answer.StatusCode switch
        {
            503 => LaterIf(answer),
            401 or 403 => Verdict.Refused,
            200 when code is "kontext_unavailable" or "kontext_upstream_failed" => Verdict.Later,
            200 when text.Contains("is not connected", StringComparison.Ordinal) => Verdict.NotConnected,
            200 when text.Contains("kontext_policy_denied", StringComparison.Ordinal) || text.Contains("was cut off", StringComparison.Ordinal) => Verdict.Refused,
            _ => Verdict.Undocumented,
        };
        return attempt with { Verdict = verdict, Words = text };
    }

    // RFC 9110 section 10.2.3: whoever is sent away is told when to come back.
    private static Verdict LaterIf(HttpResponseMessage answer) => answer.Headers.RetryAfter is null ? Verdict.Undocumented : Verdict.Later;

    private static string Words(HttpResponseMessage answer, JsonNode? json) => $"{(int)answer.StatusCode} {json?.ToJsonString()}";

    private static JsonNode? JsonOf(string text)
    {
        try
        {
            var json = text.StartsWith("event:", StringComparison.Ordinal) || text.StartsWith("data:", StringComparison.Ordinal)
                ? text.Split('\n').Last(line => line.StartsWith("data:", StringComparison.Ordinal))[5..] : text;
            return json.Length == 0 ? null : JsonNode.Parse(json);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
