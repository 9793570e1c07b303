using Kontext.Functions.Admin;

namespace Kontext.Functions.Pages;

/// <summary>What the page of a person's own rules shows.</summary>
/// <param name="Person">The person.</param>
/// <param name="Own">The rules about this person, oldest first.</param>
/// <param name="Others">What the organization denies or asks about, which holds for this person too or may.</param>
/// <param name="More">How many more of those there are.</param>
/// <param name="Services">What a rule can be about: id and name.</param>
/// <param name="Form">What was entered for a new rule.</param>
/// <param name="MayChange">The API lets this person make rules.</param>
public sealed record RulesModel(
    PagePerson Person, IReadOnlyList<RuleLine> Own, IReadOnlyList<RuleLine> Others, int More, IReadOnlyList<(string Id, string Name)> Services, FormState Form, bool MayChange)
{
    /// <summary>Where the page is.</summary>
    public const string Path = "/rules";
}

/// <summary>A rule as people read it.</summary>
/// <param name="Id">Posted to remove it.</param>
/// <param name="Action"><c>allow</c>, <c>ask</c> or <c>deny</c>.</param>
/// <param name="Subject">What it is about.</param>
/// <param name="Conditions">What has to hold as well.</param>
/// <param name="Description">Why it exists; null when nobody said.</param>
/// <param name="MadeBy">Who made it; null when unknown.</param>
/// <param name="MadeAt">When.</param>
public sealed record RuleLine(string Id, string Action, string Subject, IReadOnlyList<string> Conditions, string? Description, string? MadeBy, DateTimeOffset MadeAt);
