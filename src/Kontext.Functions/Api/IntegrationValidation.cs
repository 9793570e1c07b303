using System.Collections.Immutable;
using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Api;

/// <summary>What validation found: whether the integration answers as it should, and the tools it listed.</summary>
internal sealed record ValidationOutcome(bool Valid, string Message, ImmutableArray<string> Tools);

/// <summary>Tests that an integration is reachable and speaks MCP (contract 2.4). Where each person has a credential of their own, being asked for one counts as an answer.</summary>
internal sealed class IntegrationValidation(IMcpUpstream upstream, ICredentialVault vault)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private const int MaxListBytes = 4 * 1024 * 1024;

    public async Task<ValidationOutcome> RunAsync(OrgId org, Integration integration, CancellationToken cancellationToken)
    {
        if (integration.Category == IntegrationCategory.InternalMcpCredentials)
            return new ValidationOutcome(true, "Credentials only: Kontext never calls it.", []);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        try
        {
            var credential = integration.AuthMode == AuthMode.ServerToken && integration.ServerTokenVersion is { } version
                ? await vault.GetAsync(org, CredentialName.ServerToken(integration.Id), version, limit.Token)
                : null;
            if (!(await upstream.SendAsync(integration, credential, new McpRequest { Method = "tools/list" }, limit.Token)).TryGet(out var answer, out var failure))
                return Unanswered(integration, failure);
            await using (answer)
                return await ReadAsync(answer, limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new ValidationOutcome(false, $"It did not answer within {Limit.TotalSeconds:0} seconds.", []);
        }
    }

    private static ValidationOutcome Unanswered(Integration integration, Failure failure) => failure.Code switch
    {
        FailureCode.InvalidToken when integration.NeedsConnection => new ValidationOutcome(true, "It answers and asks for a credential. Its tools are listed once a person has connected.", []),
        FailureCode.InvalidToken when integration.AuthMode == AuthMode.ServerToken => new ValidationOutcome(false, "It refused the shared server token.", []),
        FailureCode.InvalidToken => new ValidationOutcome(false, "It asks for a credential, but the authentication mode is none.", []),
        _ => new ValidationOutcome(false, failure.Message, []),
    };

    private static async Task<ValidationOutcome> ReadAsync(McpAnswer answer, CancellationToken cancellationToken)
    {
        using var result = new MemoryStream();
        result.WriteByte((byte)'{');
        while (true)
        {
            if (!(await answer.NextAsync(cancellationToken)).TryGet(out var part, out var failure))
                return new ValidationOutcome(false, failure.Message, []);
            if (part.Kind == AnswerPartKind.Error)
                return new ValidationOutcome(false, "It answered tools/list with an error.", []);
            if (part.Kind == AnswerPartKind.Result)
                result.Write(part.Bytes.Span);
            if (result.Length > MaxListBytes)
                return new ValidationOutcome(false, "Its list of tools is too large.", []);
            if (part.Last)
                break;
        }
        result.WriteByte((byte)'}');
        using var list = JsonDocument.Parse(result.ToArray());
        if (!list.RootElement.TryGetProperty("tools", out var tools) || tools.ValueKind != JsonValueKind.Array)
            return new ValidationOutcome(false, "Its answer to tools/list has no tools.", []);
        var names = tools.EnumerateArray()
            .Select(tool => tool.ValueKind == JsonValueKind.Object && tool.TryGetProperty("name", out var name) ? name.GetString() : null)
            .OfType<string>().ToImmutableArray();
        return new ValidationOutcome(true, $"It answers and offers {names.Length} tools.", names);
    }
}
