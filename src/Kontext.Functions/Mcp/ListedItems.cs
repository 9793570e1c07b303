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

/// <summary>Leaves out of a server's lists of resources and prompts what policy does not let this agent read or get, as it is with tools.
/// Decided is the request that would follow, as far as the list tells it: a URI or a name. A template's own text stands for the URIs that are made of it.</summary>
internal sealed class ListedItems(CredentialBroker broker)
{
    /// <summary>The operation of reading a resource, for policy.</summary>
    public const string Reading = "resources/read";

    /// <summary>The operation of hearing of a resource's changes.</summary>
    public const string Subscription = "resources/subscribe";

    /// <summary>Bytes of a list.</summary>
    public const int MaxBytes = 4 * 1024 * 1024;

    private const string Getting = "prompts/get";

    /// <summary>Whether the answer to a method is such a list, which has to be there as a whole before anything of it is passed on.</summary>
    public static bool Has(string? method) => OfMethod(method).Member is not null;

    /// <summary>The use of one resource or prompt, for policy.</summary>
    /// <param name="caller">The agent.</param>
    /// <param name="integration">Whose it is.</param>
    /// <param name="operation">The method that would use it.</param>
    /// <param name="parameter">What the method names it by.</param>
    /// <param name="value">Its name there.</param>
    public static AccessRequest AccessOf(AgentCaller caller, Integration integration, string operation, string parameter, string value)
    {
        var arguments = (byte[])[.. "{\""u8, .. Encoding.UTF8.GetBytes(parameter), .. "\":\""u8, .. JsonEncodedText.Encode(value).EncodedUtf8Bytes, .. "\"}"u8];
        using var read = JsonDocument.Parse(arguments);
        return AccessRequest.Of(caller, integration, AccessKind.Operation, operation) with { Arguments = arguments, Target = CallTarget.Of(read.RootElement) };
    }

    /// <summary>The members of the result without what policy denies. What has no name cannot be used, and is left out too.</summary>
    public async Task<Result<ReadOnlyMemory<byte>>> FilterAsync(McpExchange exchange, Integration integration, ReadOnlyMemory<byte> members)
    {
        var (member, item, operation, parameter) = OfMethod(exchange.Request.Method);
        JsonDocument result;
        try
        {
            result = JsonText.Parse((byte[])[(byte)'{', .. members.Span, (byte)'}'], JsonText.Deep);
        }
        catch (JsonException)
        {
            return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} answered {exchange.Request.Method} in JSON that cannot be read.");
        }
        using (result)
        {
            if (!result.RootElement.TryGetProperty(member!, out var items) || items.ValueKind != JsonValueKind.Array)
                return members;
            var others = UpstreamTool.MembersOf(result.RootElement, member!);
            var kept = new ArrayBufferWriter<byte>(members.Length);
            kept.Write(others.Span);
            kept.Write(others.IsEmpty ? "\""u8 : ",\""u8);
            kept.Write(Encoding.UTF8.GetBytes(member!));
            kept.Write("\":["u8);
            var first = true;
            foreach (var one in items.EnumerateArray())
            {
                if (JsonRpcRequest.TextOf(one, item) is not { } name || !await IsOpenAsync(AccessOf(exchange.Caller, integration, operation, parameter, name), exchange.Aborted))
                    continue;
                if (!first)
                    kept.Write(","u8);
                first = false;
                kept.Write(JsonMarshal.GetRawUtf8Value(one));
            }
            kept.Write("]"u8);
            return kept.WrittenMemory;
        }
    }

    /// <summary>Whether policy lets the agent do this, or lets it ask for that.</summary>
    public async ValueTask<bool> IsOpenAsync(AccessRequest access, CancellationToken cancellationToken) =>
        await broker.DecideAsync(access, cancellationToken) is { Passes: true } or { Asks: true };

    /// <summary>Whether policy lets the agent hear of a resource's changes.</summary>
    public async ValueTask<bool> MayHearAsync(AgentCaller caller, Integration integration, string uri, CancellationToken cancellationToken) =>
        await IsOpenAsync(AccessOf(caller, integration, Reading, "uri", uri), cancellationToken) && await IsOpenAsync(AccessOf(caller, integration, Subscription, "uri", uri), cancellationToken);

    /// <summary>What a server offers, without what policy denies whichever resource or prompt it may be about.</summary>
    public async ValueTask<McpServerDescription> OfferedAsync(AgentCaller caller, Integration integration, McpServerDescription server, CancellationToken cancellationToken) => server with
    {
        Resources = server.Resources && !await IsClosedAsync(AccessRequest.Of(caller, integration, AccessKind.Operation, Reading), cancellationToken),
        Prompts = server.Prompts && !await IsClosedAsync(AccessRequest.Of(caller, integration, AccessKind.Operation, Getting), cancellationToken),
    };

    private async ValueTask<bool> IsClosedAsync(AccessRequest access, CancellationToken cancellationToken) =>
        !await IsOpenAsync(access, cancellationToken) && (await broker.ForeseeAsync(access, cancellationToken)).Effect == PolicyEffect.Deny;

    private static (string? Member, string Item, string Operation, string Parameter) OfMethod(string? method) => method switch
    {
        "resources/list" => ("resources", "uri", Reading, "uri"),
        "resources/templates/list" => ("resourceTemplates", "uriTemplate", Reading, "uri"),
        "prompts/list" => ("prompts", "name", Getting, "name"),
        _ => default,
    };
}
