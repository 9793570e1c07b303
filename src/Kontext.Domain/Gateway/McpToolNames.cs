using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text.Json;
using Kontext.Domain.Integrations;

namespace Kontext.Domain.Gateway;

/// <summary>Asks an MCP server for its tools, for whoever wants to know whether it answers: administrators and the owner of a credential, not agents.</summary>
public sealed class McpToolNames(IMcpUpstream upstream)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);
    private const int MaxBytes = 4 * 1024 * 1024;
    private const int MaxPages = 50;
    private const int MaxTools = 5000;

    /// <summary>The names. <see cref="FailureCode.InvalidToken"/> means that the server refused the credential, or asks for one.</summary>
    public async Task<Result<ImmutableArray<string>>> ListAsync(Integration integration, Secret? credential, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        try
        {
            return await PagesAsync(integration, credential, limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new Failure(FailureCode.Unavailable, $"{integration.Name} did not answer within {Limit.TotalSeconds:0} seconds.");
        }
    }

    private async Task<Result<ImmutableArray<string>>> PagesAsync(Integration integration, Secret? credential, CancellationToken cancellationToken)
    {
        var names = ImmutableArray.CreateBuilder<string>();
        ReadOnlyMemory<byte> members = default;
        for (var page = 0; page < MaxPages; page++)
        {
            if (!(await upstream.SendAsync(integration, credential, new McpRequest { Method = "tools/list", Members = members }, cancellationToken)).TryGet(out var answer, out var failure))
                return failure;
            await using var _ = answer;
            if (!(await ReadAsync(integration, answer, cancellationToken)).TryGet(out var list, out failure))
                return failure;
            using var body = list;
            if (!body.RootElement.TryGetProperty("tools", out var tools) || tools.ValueKind != JsonValueKind.Array)
                return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} answered tools/list without tools.");
            foreach (var tool in tools.EnumerateArray())
            {
                if (names.Count < MaxTools && tool.ValueKind == JsonValueKind.Object && tool.TryGetProperty("name", out var name) && name.ValueKind == JsonValueKind.String)
                    names.Add(name.GetString()!);
            }
            if (!body.RootElement.TryGetProperty("nextCursor", out var cursor) || cursor.ValueKind != JsonValueKind.String)
                break;
            members = (byte[])[.. "\"cursor\":"u8, .. JsonMarshal.GetRawUtf8Value(cursor)];
        }
        return names.ToImmutable();
    }

    private static async Task<Result<JsonDocument>> ReadAsync(Integration integration, McpAnswer answer, CancellationToken cancellationToken)
    {
        var result = new ArrayBufferWriter<byte>();
        result.Write("{"u8);
        while (true)
        {
            if (!(await answer.NextAsync(cancellationToken)).TryGet(out var part, out var failure))
                return failure;
            if (part.Kind == AnswerPartKind.Error)
                return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} answered tools/list with an error.");
            if (part.Kind == AnswerPartKind.Result)
                result.Write(part.Bytes.Span);
            if (result.WrittenCount > MaxBytes)
                return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} lists more than {MaxBytes / 1024 / 1024} MiB of tools.");
            if (part.Last)
                break;
        }
        result.Write("}"u8);
        try
        {
            return JsonDocument.Parse(result.WrittenMemory);
        }
        catch (JsonException)
        {
            return new Failure(FailureCode.UpstreamFailed, $"{integration.Name} listed its tools in JSON that cannot be read.");
        }
    }
}
