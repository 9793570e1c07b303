namespace Kontext.Functions.Admin;

/// <summary>Values that are shown once, as the answer to the form that made them, and are shown to nobody again.</summary>
/// <param name="Frame">What is around it.</param>
/// <param name="Title">What was made.</param>
/// <param name="Text">What becomes of what there was before.</param>
/// <param name="Values">Name and value of each.</param>
/// <param name="Current">Path of the place in the navigation.</param>
/// <param name="Back">Where to go on to.</param>
/// <param name="BackText">What that is called.</param>
internal sealed record SecretModel(AdminFrame Frame, string Title, string Text, IReadOnlyList<(string Name, string Value, bool Secret)> Values, string Current, string Back, string BackText) : AdminModel(Frame)
{
    /// <summary>Until when the secret before works too; null when it does not.</summary>
    public DateTimeOffset? OldWorksUntil { get; init; }

    /// <summary>Why it cannot be shown again.</summary>
    public string Kept { get; init; } = "Kontext stores only a hash of it, so nobody can show it again.";
}
