using System.Globalization;
using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Functions.Api;

namespace Kontext.Functions.Admin;

/// <summary>For how long the secret that is replaced goes on working, as forms ask for it.</summary>
internal static class SecretOverlap
{
    /// <summary>What can be chosen: seconds, and words for them.</summary>
    public static readonly IReadOnlyList<(string Value, string Text)> Choices = [("0", "Ends at once"), ("3600", "Works for another hour"), ("86400", "Works for another day"), ("604800", "Works for another 7 days")];

    /// <summary>What was chosen. A form without a choice is refused: what uses the old secret would stop without anybody having said so.</summary>
    public static Result<SecretRotationInput> Read(OAuthParameters form) =>
        int.TryParse(form["overlapSeconds"], NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            ? new SecretRotationInput { OverlapSeconds = seconds }
            : new Failure(FailureCode.InvalidRequest, "Choose how long the old secret goes on working.");

    /// <summary>What becomes of the old one.</summary>
    public static string Words(string? until) => until is null ? "The old secret does not work any more." : "Both secrets work for now.";
}
