namespace Kontext.Functions.Pages;

/// <summary>An error as a person sees it.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Title">What happened, in a few words.</param>
/// <param name="Message">The same in a sentence or two.</param>
/// <param name="WhatToDo">What the person can do about it; null when nothing.</param>
/// <param name="Person">The person; null when nobody is signed in, or that was not found out.</param>
public sealed record ErrorModel(int Status, string Title, string Message, string? WhatToDo, PagePerson? Person);
