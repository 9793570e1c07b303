using System.Text.Json;
using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;

namespace Kontext.Functions.Mcp;

/// <summary>Whose the tasks are that servers make of calls (MCP 2025-11-25, tasks; extension <c>io.modelcontextprotocol/tasks</c>). To a server, all who use one credential may be one and the same,
/// so who may ask for a task is decided here: the person and the agent whose call it was (tasks, security considerations).</summary>
internal sealed class TaskOwners(IMcpMailbox mailbox, TimeProvider time)
{
    // Tasks are kept by servers as long as these like. One of which nothing is known here any more is gone.
    private static readonly TimeSpan Life = TimeSpan.FromDays(7);
    private static readonly byte[] Mark = [(byte)'t'];

    /// <summary>Whether a method is about a task that exists.</summary>
    public static bool IsAbout(string method) => method is "tasks/get" or "tasks/result" or "tasks/update" or "tasks/cancel";

    /// <summary>Whether the integration's server can tell people apart, so that its list of tasks may be shown.</summary>
    public static bool AreTold(Integration integration) => integration.AuthMode is AuthMode.Oauth or AuthMode.UserToken;

    /// <summary>Whether the result of a call may be a task.</summary>
    public static bool MayBeTask(McpExchange exchange, string? resultType) =>
        exchange.Only is not null && exchange.Request.Method == "tools/call" && (exchange.Modern ? resultType == "task" : exchange.Request.Params.TryGetProperty("task", out _));

    /// <summary>Notes whose the task is that a result tells of, if it does.</summary>
    /// <param name="exchange">The call.</param>
    /// <param name="members">The members of the result.</param>
    public async Task NoteAsync(McpExchange exchange, ReadOnlyMemory<byte> members)
    {
        using var result = JsonDocument.Parse((byte[])[(byte)'{', .. members.Span, (byte)'}'], JsonText.Deep);
        var task = result.RootElement.TryGetProperty("task", out var inner) ? inner : result.RootElement;
        if (JsonRpcRequest.TextOf(task, "taskId") is { } id)
            await mailbox.PutAsync(exchange.Caller.Org, NameOf(exchange, id), Mark, time.GetUtcNow() + Life, CancellationToken.None);
    }

    /// <summary>Whether the task was made of a call of the same person and agent at the same integration.</summary>
    public async Task<bool> IsOwnAsync(McpExchange exchange, string id) => await mailbox.FindAsync(exchange.Caller.Org, NameOf(exchange, id), exchange.Aborted) is not null;

    private static string NameOf(McpExchange exchange, string id) => $"task\n{exchange.Only!.Id}\n{exchange.Caller.User.Id}\n{exchange.Caller.Application.Id}\n{id}";
}
