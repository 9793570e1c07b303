using Kontext.Functions.Pages;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Account;

/// <summary>What a form of a signed-in page came to.</summary>
internal abstract record Posted
{
    private Posted()
    {
    }

    /// <summary>Done. The browser goes to a page of ours, which says so; null for nothing to say.</summary>
    public sealed record To(string Path, string? Notice) : Posted;

    /// <summary>The person has to be asked first: the form did not say that they were.</summary>
    public sealed record Question(string Title, string Text, string Button) : Posted;

    /// <summary>The answer is another one, such as a page of its own.</summary>
    public sealed record Answer(IResult Result) : Posted;
}
