using System.Text.Json.Serialization;
using Kontext.Domain;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Api;

/// <summary>How to rotate a client secret: for how long the old one goes on working; not at all when nothing is sent.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record SecretRotationInput
{
    public int OverlapSeconds { get; init; }
}

/// <summary>What the rotation of an application's and of a service account's secret share (contract 2.2, 2.5).</summary>
internal static class SecretRotation
{
    /// <summary>How long the old secret goes on working.</summary>
    public static async Task<Result<Overlap>> ReadAsync(HttpContext context)
    {
        if (!(await Api.ReadOptionalAsync(context, ApiJson.Default.SecretRotationInput, new SecretRotationInput())).TryGet(out var input, out var failure))
            return failure;
        return input.OverlapSeconds >= 0 && input.OverlapSeconds <= RetiringSecret.MaxOverlap.TotalSeconds
            ? new Overlap(TimeSpan.FromSeconds(input.OverlapSeconds))
            : Api.Invalid(new Dictionary<string, string> { ["overlapSeconds"] = $"Has to be a number from 0 to {(int)RetiringSecret.MaxOverlap.TotalSeconds}." });
    }

    /// <summary>For the audit trail; null when the old secret ended at once.</summary>
    public static string? Detail(RetiringSecret? retiring) => retiring is null ? null : $"the old one works until {retiring.Until:u}";
}

/// <summary>For how long two secrets are valid.</summary>
internal sealed record Overlap(TimeSpan Length);
