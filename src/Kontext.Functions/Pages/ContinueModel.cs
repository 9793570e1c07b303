namespace Kontext.Functions.Pages;

/// <summary>A page between a form and where it leads.</summary>
/// <param name="Title">What happened, in a few words.</param>
/// <param name="Message">The same in a sentence or two.</param>
/// <param name="LinkText">What the link is called.</param>
/// <param name="Target">Where it leads.</param>
public sealed record ContinueModel(string Title, string Message, string LinkText, string Target);
