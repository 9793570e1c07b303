namespace Kontext.Domain.Revocations;

/// <summary>A credential an agent was given by token exchange and holds itself. Kontext cannot take it back, so whoever cuts something off has to be told of it.</summary>
public sealed record IssuedCredential
{
    /// <summary>How long one is told of whose end nobody knows.</summary>
    public static readonly TimeSpan Remembered = TimeSpan.FromDays(30);

    /// <summary>The agent.</summary>
    public required AppId Application { get; init; }

    /// <summary>What that was called then; null in rows of older versions.</summary>
    public string? ApplicationName { get; init; }

    /// <summary>The person it acts for; null for an agent that acts for itself.</summary>
    public UserId? User { get; init; }

    /// <summary>What they were called then; null without a person, and in rows of older versions.</summary>
    public string? UserName { get; init; }

    /// <summary>The session it was asked for with; null when there was none.</summary>
    public SessionId? Session { get; init; }

    /// <summary>Where it is good.</summary>
    public required IntegrationId Integration { get; init; }

    /// <summary>What that was called then.</summary>
    public required string IntegrationName { get; init; }

    /// <summary>When the agent first got it; of one without a known end, when it first got it that day.</summary>
    public required DateTimeOffset IssuedAt { get; init; }

    /// <summary>When it ends; null when nobody knows.</summary>
    public DateTimeOffset? EndsAt { get; init; }

    /// <summary>From when on nobody needs to be told.</summary>
    public DateTimeOffset KeptUntil => EndsAt ?? IssuedAt + Remembered;
}

/// <summary>Some of the credentials that are out.</summary>
/// <param name="Credentials">Those found, each once however often it was asked for.</param>
/// <param name="More">There are more of them.</param>
public sealed record IssuedCredentials(IReadOnlyList<IssuedCredential> Credentials, bool More);

/// <summary>Knows which credentials agents hold, without a look at the audit trail, which may be long.</summary>
public interface IIssuedCredentials
{
    /// <summary>Notes that an agent gets it; done when that is durable. The same one again costs nothing.</summary>
    Task NoteAsync(OrgId org, IssuedCredential issued);

    /// <summary>Those that are out at <paramref name="now"/> and fall under the target, up to a number.</summary>
    Task<IssuedCredentials> ListAsync(OrgId org, CutOffTarget target, DateTimeOffset now, int limit, CancellationToken cancellationToken);
}
