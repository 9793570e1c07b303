using System.Text.Json.Serialization;
using Kontext.Domain.Revocations;

namespace Kontext.Functions.Api;

/// <summary>What is to be cut off.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record NewRevocation
{
    /// <summary><c>session</c>, <c>connection</c>, <c>application</c>, <c>user</c>, <c>integration</c> or <c>organization</c>.</summary>
    public string? Type { get; init; }

    public string? ApplicationId { get; init; }

    public string? SessionId { get; init; }

    public string? UserId { get; init; }

    public string? IntegrationId { get; init; }

    public string? Reason { get; init; }

    /// <summary>End the person's or the integration's connections as well, at their providers.</summary>
    public bool? Disconnect { get; init; }
}

/// <summary>A cut-off on the wire: what it killed, what dies by itself and when, and what it could not kill.</summary>
internal sealed record RevocationBody
{
    public required string Id { get; init; }

    public required string Type { get; init; }

    public string? Name { get; init; }

    public string? ApplicationId { get; init; }

    public string? SessionId { get; init; }

    public string? UserId { get; init; }

    public string? IntegrationId { get; init; }

    public string? Reason { get; init; }

    public required AuditPartyBody RevokedBy { get; init; }

    public required string CreatedAt { get; init; }

    /// <summary><c>active</c>, <c>incomplete</c> or <c>reinstated</c>.</summary>
    public required string Status { get; init; }

    public required bool Reinstatable { get; init; }

    public string? ReinstatedAt { get; init; }

    public AuditPartyBody? ReinstatedBy { get; init; }

    /// <summary>Dead within a second of <see cref="CreatedAt"/>, on every instance.</summary>
    public required IReadOnlyList<string> Dead { get; init; }

    public required int DisconnectedConnections { get; init; }

    /// <summary>Credentials that agents hold and that end by themselves; absent in lists.</summary>
    public IReadOnlyList<LeftCredentialBody>? Expiring { get; init; }

    /// <summary>What has no end that is known and could not be revoked; absent in lists.</summary>
    public IReadOnlyList<LeftCredentialBody>? Surviving { get; init; }

    /// <summary>True when agents hold more credentials than are listed; absent otherwise.</summary>
    public bool? MoreCredentials { get; init; }

    /// <summary>Other revocations that stand and cut the same off: it stays cut off until they are reinstated too. Absent when there is none, and in lists.</summary>
    public IReadOnlyList<string>? AlsoCutOffBy { get; init; }

    public static RevocationBody Of(CutOff cutOff) => new()
    {
        Id = cutOff.Id.ToString(),
        Type = WordOf(cutOff.Target.Kind),
        Name = cutOff.Target.Name,
        ApplicationId = cutOff.Target.Application?.ToString(),
        SessionId = cutOff.Target.Session?.ToString(),
        UserId = cutOff.Target.User?.ToString(),
        IntegrationId = cutOff.Target.Integration?.ToString(),
        Reason = cutOff.Reason,
        RevokedBy = new AuditPartyBody(cutOff.By.Id, cutOff.By.Name),
        CreatedAt = Wire.Time(cutOff.At),
        Status = cutOff.ReinstatedAt is not null ? "reinstated" : cutOff.CompletedAt is null ? "incomplete" : "active",
        Reinstatable = cutOff.Target.IsReinstatable && cutOff.ReinstatedAt is null,
        ReinstatedAt = Wire.Time(cutOff.ReinstatedAt),
        ReinstatedBy = AuditPartyBody.Of(cutOff.ReinstatedBy),
        Dead = DeadOf(cutOff),
        DisconnectedConnections = cutOff.Connections,
    };

    /// <summary>With what is left of the credentials that were issued before.</summary>
    public static RevocationBody Of(CutOff cutOff, IssuedCredentials issued, DateTimeOffset now)
    {
        var left = issued.Credentials.Select(LeftCredentialBody.Of).Concat(cutOff.Remainders.Select(LeftCredentialBody.Of)).ToList();
        return Of(cutOff) with
        {
            Expiring = [.. left.Where(credential => credential.Ends > now).OrderBy(credential => credential.Ends)],
            Surviving = [.. left.Where(credential => credential.Ends is null)],
            MoreCredentials = issued.More ? true : null,
        };
    }

    public static string WordOf(CutOffKind kind) => kind switch
    {
        CutOffKind.Session => "session",
        CutOffKind.Connection => "connection",
        CutOffKind.Application => "application",
        CutOffKind.User => "user",
        CutOffKind.Integration => "integration",
        CutOffKind.Organization => "organization",
        _ => throw new InvalidOperationException($"Unknown kind {kind}."),
    };

    private static List<string> DeadOf(CutOff cutOff)
    {
        if (cutOff.ReinstatedAt is not null)
            return [];
        return cutOff.Target.Kind switch
        {
            CutOffKind.Session => ["access and refresh tokens of the session", "sessions made from it by token exchange"],
            CutOffKind.Connection => ["the stored grant, for every agent"],
            CutOffKind.Application => ["access and refresh tokens of every session with the application", "its client secret and keys"],
            CutOffKind.User => ["access and refresh tokens of every session of the person", "their browser sign-ins"],
            CutOffKind.Integration => ["calls and token exchanges to the integration"],
            CutOffKind.Organization => ["calls and token exchanges of every agent"],
            _ => throw new InvalidOperationException($"Unknown kind {cutOff.Target.Kind}."),
        };
    }
}

/// <summary>A credential that Kontext cannot take back from whoever holds it.</summary>
internal sealed record LeftCredentialBody(string What, string? AgentId, string? UserId, string? IntegrationId, string? Integration, string? IssuedAt, string? ExpiresAt, string? Detail)
{
    [JsonIgnore]
    public DateTimeOffset? Ends { get; init; }

    public static LeftCredentialBody Of(IssuedCredential issued) => new(
        "issued_credential", issued.Application.ToString(), issued.User?.ToString(), issued.Integration.ToString(), issued.IntegrationName, Wire.Time(issued.IssuedAt), Wire.Time(issued.EndsAt),
        issued.EndsAt is null ? "The agent holds it and no end of it is known: it has to be ended at the integration." : "The agent holds it until it expires.")
    {
        Ends = issued.EndsAt,
    };

    public static LeftCredentialBody Of(CutOffRemainder left) => new(
        left.SecretsDeleted ? "provider_grant" : "stored_secret", null, left.User.ToString(), left.Integration.ToString(), null, null, Wire.Time(left.LivesUntil), left.Detail) { Ends = left.LivesUntil };
}

/// <summary>One cut-off.</summary>
internal sealed record RevocationEnvelope(RevocationBody Revocation);

/// <summary>Cut-offs, newest first.</summary>
internal sealed record RevocationListBody(IReadOnlyList<RevocationBody> Items, string? NextCursor);
