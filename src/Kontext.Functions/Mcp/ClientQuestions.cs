using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Mcp;

/// <summary>A question that was put to a client, as its id says it, sealed: where the answer has to go, whichever instance it comes to.</summary>
/// <param name="Session">The session it was put in.</param>
/// <param name="Integration">Whose question it is.</param>
/// <param name="Route">The server's session that waits for the answer; null when an instance of ours does.</param>
/// <param name="Id">The server's id for the question, as JSON.</param>
/// <param name="Box">Where an instance of ours waits.</param>
internal sealed record PutQuestion(string Session, IntegrationId Integration, string? Route, string? Id, string? Box);

/// <summary>Requests of servers to clients of the older revisions (elicitation, sampling, roots), and the answers, which come in requests of their own.</summary>
internal sealed class ClientQuestions(ISealer sealer, IMcpMailbox mailbox, AttachedIntegrations attached, InjectedUpstream upstream, TimeProvider time)
{
    private const string Purpose = "mcp-question";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(15);

    /// <summary>Passes a server's question on in the client's session; false when the client cannot be asked.</summary>
    public async Task<bool> TryPutAsync(McpExchange exchange, Integration integration, string? route, ReadOnlyMemory<byte> question)
    {
        using var message = JsonDocument.Parse(question);
        var method = JsonRpcRequest.TextOf(message.RootElement, "method")!;
        if (route is null || exchange.Session is not { } session || !session.Answers(method))
            return false;
        var put = new PutQuestion(session.Name, integration.Id, route, message.RootElement.GetProperty("id").GetRawText(), Box: null);
        var parameters = message.RootElement.TryGetProperty("params", out var given) ? (ReadOnlyMemory<byte>)JsonMarshal.GetRawUtf8Value(given).ToArray() : default;
        await PutAsync(exchange, put, method, parameters);
        return true;
    }

    /// <summary>Asks the client on behalf of a server that waits for nobody, and waits for the answer: the <c>result</c> as JSON; null when it answered with an error or not at all.</summary>
    public async Task<ReadOnlyMemory<byte>?> AskAsync(McpExchange exchange, Integration integration, string method, ReadOnlyMemory<byte> parameters, CancellationToken cancellationToken)
    {
        var box = RandomValue.Token();
        await PutAsync(exchange, new PutQuestion(exchange.Session!.Name, integration.Id, Route: null, Id: null, box), method, parameters);
        var waiting = mailbox.TakeAsync(exchange.Caller.Org, box, Patience, cancellationToken);
        while (await Task.WhenAny(waiting, Task.Delay(KeepAlive, time, cancellationToken)) != waiting)
            await exchange.KeepAliveAsync();
        if (await waiting is not { } answer)
            return null;
        using var response = JsonDocument.Parse(answer);
        return response.RootElement.TryGetProperty("result", out var result) ? JsonMarshal.GetRawUtf8Value(result).ToArray() : default(ReadOnlyMemory<byte>?);
    }

    /// <summary>Tells a server that its question cannot be put.</summary>
    public async Task RefuseAsync(McpExchange exchange, Integration integration, string? route, ReadOnlyMemory<byte> question)
    {
        using var message = JsonDocument.Parse(question);
        if (route is not null)
            await upstream.PostAsync(AccessOf(exchange.Caller, integration), route, Encoding.UTF8.GetBytes($$$"""{"jsonrpc":"2.0","id":{{{message.RootElement.GetProperty("id").GetRawText()}}},"error":{"code":-32601,"message":"The client cannot be asked this."}}"""), exchange.Aborted);
    }

    /// <summary>Takes a client's answer to where it is waited for; gives what is wrong with it, or null.</summary>
    public async Task<McpError?> TakeAnswerAsync(AgentCaller caller, ClientSession session, JsonRpcRequest answer, CancellationToken cancellationToken)
    {
        var unknown = new McpError(400, McpProtocol.InvalidRequest, "This answers no question that was put in this session.");
        using var id = JsonDocument.Parse(answer.Id);
        if (id.RootElement.ValueKind != JsonValueKind.String || await sealer.OpenAsync(caller.Org, Purpose, id.RootElement.GetString()!, cancellationToken) is not { } opened)
            return unknown;
        var put = JsonSerializer.Deserialize(opened.Reveal(), SealedJson.Default.PutQuestion)!;
        if (put.Session != session.Name)
            return unknown;
        var members = UpstreamTool.MembersOf(answer.Root, "jsonrpc", "id");
        if (put.Box is not null)
        {
            await mailbox.PutAsync(caller.Org, put.Box, (byte[])[(byte)'{', .. members.Span, (byte)'}'], time.GetUtcNow() + Patience, cancellationToken);
            return null;
        }
        if ((await attached.ProxiedAsync(caller, cancellationToken)).Find(candidate => candidate.Id == put.Integration) is not { } integration)
            return unknown;
        var response = (byte[])[.. "{\"jsonrpc\":\"2.0\",\"id\":"u8, .. Encoding.UTF8.GetBytes(put.Id!), (byte)',', .. members.Span, (byte)'}'];
        return (await upstream.PostAsync(AccessOf(caller, integration), put.Route!, response, cancellationToken)).TryGet(out _, out var failure) ? null : McpErrors.Of(failure);
    }

    private async Task PutAsync(McpExchange exchange, PutQuestion put, string method, ReadOnlyMemory<byte> parameters)
    {
        var id = await sealer.SealAsync(exchange.Caller.Org, Purpose, new Secret(JsonSerializer.Serialize(put, SealedJson.Default.PutQuestion)), exchange.Aborted);
        var body = new ArrayBufferWriter<byte>(parameters.Length + 512);
        using (var writer = new Utf8JsonWriter(body))
        {
            writer.WriteStartObject();
            writer.WriteString("jsonrpc"u8, "2.0"u8);
            writer.WriteString("id"u8, id);
            writer.WriteString("method"u8, method);
            if (!parameters.IsEmpty)
            {
                writer.WritePropertyName("params"u8);
                writer.WriteRawValue(parameters.Span, skipInputValidation: true);
            }
            writer.WriteEndObject();
        }
        await exchange.NotifyAsync(body.WrittenMemory);
    }

    // The call that the answer belongs to was permitted when it began.
    private static AccessRequest AccessOf(AgentCaller caller, Integration integration) => AccessRequest.Of(caller, integration, AccessKind.Discovery);
}
