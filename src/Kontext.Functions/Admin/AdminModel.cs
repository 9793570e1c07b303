using Kontext.Functions.Pages;
using Microsoft.AspNetCore.Components;

namespace Kontext.Functions.Admin;

/// <summary>What every administration page has around it.</summary>
/// <param name="Person">Who looks at it.</param>
/// <param name="MayChange">They may change what they see: owners and administrators; auditors look.</param>
public sealed record AdminFrame(PagePerson Person, bool MayChange);

/// <summary>What an administration page shows.</summary>
/// <param name="Frame">What is around it.</param>
public abstract record AdminModel(AdminFrame Frame);

/// <summary>An administration page. Its own model stays inside the program, as the bodies of the API are that it shows.</summary>
public abstract class AdminPage : ComponentBase
{
    /// <summary>What to show.</summary>
    [Parameter, EditorRequired] public required AdminModel Model { get; set; }

    /// <summary>What is around it.</summary>
    protected AdminFrame Frame => Model.Frame;

    /// <summary>The model as the page's own kind.</summary>
    internal TModel As<TModel>()
        where TModel : AdminModel => (TModel)Model;
}
