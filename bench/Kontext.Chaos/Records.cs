namespace Kontext.Chaos;

/// <summary>What an agent asked for.</summary>
internal enum AskedFor
{
    /// <summary>The credential, by token exchange.</summary>
    Credential,

    /// <summary>A tool call through the gateway.</summary>
    ToolCall,
}

/// <summary>What an agent was told.</summary>
internal enum Verdict
{
    /// <summary>It got what it asked for.</summary>
    Served,

    /// <summary>To come back later, and when.</summary>
    Later,

    /// <summary>The person has to connect.</summary>
    NotConnected,

    /// <summary>Its token, its application or the integration is cut off.</summary>
    Refused,

    /// <summary>Nothing: the instance went away.</summary>
    Gone,

    /// <summary>Something that is documented nowhere.</summary>
    Undocumented,
}

/// <summary>One request of an agent and its answer. Times are the driver's, from the beginning of the run.</summary>
internal sealed record Attempt
{
    public required AskedFor AskedFor { get; init; }

    public required string Trace { get; init; }

    public required int Instance { get; init; }

    public required AgentSession Session { get; init; }

    public required Account Account { get; init; }

    public required TimeSpan Started { get; init; }

    public TimeSpan Ended { get; init; }

    public Verdict Verdict { get; init; }

    /// <summary>Status, code and words of an answer that was no success.</summary>
    public string Words { get; init; } = "";

    /// <summary>The credential, when one was given out.</summary>
    public string? Credential { get; init; }
}

/// <summary>What a revocation is about.</summary>
internal enum Revoked
{
    Session,
    Application,
    Integration,
    Person,
    Organization,
    Connection,
}

/// <summary>A revocation from the first request for it to its undoing.</summary>
internal sealed class Revocation(Revoked kind, string target, TimeSpan asked)
{
    public Revoked Kind => kind;

    /// <summary>Session id, or the name of the agent, of the person or of the account; of the organization, of which there is one, none is asked.</summary>
    public string Target => target;

    /// <summary>When it was asked for; it may hold from here on.</summary>
    public TimeSpan Asked => asked;

    /// <summary>Its id; null until it was acknowledged.</summary>
    public string? Id { get; set; }

    /// <summary>When it was acknowledged; a second later it has to hold.</summary>
    public TimeSpan? Acknowledged { get; set; }

    /// <summary>It was asked for more than once, because an answer did not come.</summary>
    public bool WasRepeated { get; set; }

    /// <summary>When its undoing was asked for; from here on it need not hold.</summary>
    public TimeSpan? UndoAsked { get; set; }

    /// <summary>When its undoing was acknowledged.</summary>
    public TimeSpan? Undone { get; set; }

    /// <summary>Does an attempt fall under it?</summary>
    public bool Covers(Attempt attempt) => Kind switch
    {
        Revoked.Session => attempt.Session.Id == Target,
        Revoked.Application => attempt.Session.Agent.Name == Target,
        Revoked.Person => attempt.Session.Person.Name == Target,
        Revoked.Organization => true,
        _ => attempt.Account.Name == Target,
    };
}

/// <summary>A process that was killed.</summary>
internal sealed record Kill(int Instance, TimeSpan At);

/// <summary>A stretch of time in which an instance could not read the epoch row.</summary>
internal sealed record EpochCut(int Instance, TimeSpan From, TimeSpan To);

/// <summary>A refresh token on its way to a provider.</summary>
internal sealed record Presentation
{
    public required string Account { get; init; }

    /// <summary>Who presented it; null when nobody knows: background work has no trace of an agent's.</summary>
    public int? Instance { get; init; }

    public required TimeSpan At { get; init; }

    /// <summary>The provider's answer was lost on purpose.</summary>
    public bool Lost { get; set; }

    /// <summary>The provider's status; 0 while there is none.</summary>
    public int Status { get; set; }
}

/// <summary>Something that must not be.</summary>
internal sealed record Breach(TimeSpan At, string Words);
