namespace Kontext.Functions.Pages;

/// <summary>The person a page is shown to: what its frame says of them, and the forms it carries need.</summary>
/// <param name="Name">Their name.</param>
/// <param name="Organization">The organization they are signed in to.</param>
/// <param name="Administers">They may see the organization's administration: owners, administrators and auditors.</param>
/// <param name="CsrfToken">Posted back as <c>csrf</c>.</param>
/// <param name="Notice">What came of their last action; null for nothing.</param>
public sealed record PagePerson(string Name, string Organization, bool Administers, string CsrfToken, PageNotice? Notice);

/// <summary>A sentence about what was just done.</summary>
/// <param name="Succeeded">It was done; otherwise it was not, and the sentence says why.</param>
/// <param name="Text">The sentence.</param>
public sealed record PageNotice(bool Succeeded, string Text);
