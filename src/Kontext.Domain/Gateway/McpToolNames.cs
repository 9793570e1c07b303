using System.Collections.Immutable;
using System.Text.Json;
using Kontext.Domain.Integrations;

namespace Kontext.Domain.Gateway;

/// <summary>Asks an MCP server for its tools, for whoever wants to know whether it answers: administrators and the owner of a credential, not agents.</summary>
public sealed class McpToolNames(IMcpUpstream upstream)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);

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
        var read = await ToolListing.ReadAsync(integration, request => upstream.SendAsync(integration, credential, request, cancellationToken), tool =>
        {
            if (tool.ValueKind == JsonValueKind.Object && tool.TryGetProperty("name", out var name) && name.ValueKind == JsonValueKind.String)
                names.Add(name.GetString()!);
        }, cancellationToken);
        return read.TryGet(out _, out var failure) ? names.ToImmutable() : failure;
    }
}
