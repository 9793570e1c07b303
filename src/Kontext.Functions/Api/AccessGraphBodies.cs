namespace Kontext.Functions.Api;

/// <summary>Something in the access graph.</summary>
/// <param name="Id">Names it in the graph: its type, a colon and its id.</param>
/// <param name="Type"><c>user</c>, <c>application</c>, <c>integration</c> or <c>capability</c>.</param>
/// <param name="ResourceId">Its id in the rest of the API; absent for capabilities, which have none.</param>
/// <param name="Name">Its name.</param>
internal sealed record AccessNodeBody(string Id, string Type, string? ResourceId, string Name)
{
    /// <summary>Cut off, archived or disabled: it gives no access.</summary>
    public bool Suspended { get; init; }
}

/// <summary>A relation in the access graph.</summary>
/// <param name="From">Where from.</param>
/// <param name="To">Where to.</param>
/// <param name="Type"><c>attached</c> (application to integration), <c>offers</c> (integration to capability), <c>approved</c> (user to application or integration), <c>connected</c> (user to integration) or <c>denied</c> (by policy; to an integration: its raw credential is).</param>
internal sealed record AccessEdgeBody(string From, string To, string Type)
{
    /// <summary>The application through which it holds, for a person's approvals and denials.</summary>
    public string? Via { get; init; }

    /// <summary>How many live sessions it stands for.</summary>
    public int? Sessions { get; init; }

    /// <summary>The layer that denies: <c>org</c>, <c>user</c> or <c>application</c>.</summary>
    public string? DeniedBy { get; init; }

    /// <summary>What the rules leave of an integration, on the edges that lead to it: <c>allowed</c>, <c>restricted</c> (some of it is denied or needs approval) or <c>denied</c> (nothing of it that is known is allowed).</summary>
    public string? Access { get; init; }

    /// <summary>Only the raw credential is denied; some of the integration is reached through the gateway.</summary>
    public bool? Partial { get; init; }
}

/// <summary>Who reaches what through which application (contract 2.2).</summary>
/// <param name="Nodes">Each once.</param>
/// <param name="Edges">Each once.</param>
/// <param name="Truncated">Something was left out because the graph would be too large.</param>
/// <param name="NextCursor">Where the graph of the next applications begins.</param>
/// <param name="Enforced">False in observe mode: what the rules deny is recorded and nothing is denied.</param>
internal sealed record AccessGraphBody(IReadOnlyList<AccessNodeBody> Nodes, IReadOnlyList<AccessEdgeBody> Edges, bool Truncated, string? NextCursor, bool Enforced);
