namespace Kontext.Functions.Pages;

/// <summary>What the page shows that asks before something is done.</summary>
/// <param name="Person">Who is asked.</param>
/// <param name="Title">The question.</param>
/// <param name="Text">What doing it means.</param>
/// <param name="Button">The word for doing it.</param>
/// <param name="Action">Where the form goes, again.</param>
/// <param name="Fields">What it carried, without the secrets.</param>
/// <param name="Secrets">The fields in which it carried secrets, with their labels: asked for again.</param>
/// <param name="Back">Where it came from.</param>
public sealed record ConfirmModel(PagePerson Person, string Title, string Text, string Button, string Action, IReadOnlyList<KeyValuePair<string, string>> Fields, IReadOnlyList<KeyValuePair<string, string>> Secrets, string Back);
