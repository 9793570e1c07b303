using Kontext.Domain;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.SignIn;

/// <summary>The person signed in to the browser that sent a request.</summary>
/// <param name="Org">The organization they signed in to.</param>
/// <param name="User">The person.</param>
/// <param name="SessionBinding">Hash of the browser session's handle: what flows started in this browser are bound to.</param>
/// <param name="CsrfToken">What forms of this browser session carry.</param>
/// <param name="SignedInAt">When they last proved who they are.</param>
internal sealed record BrowserUser(OrgId Org, User User, string SessionBinding, string CsrfToken, DateTimeOffset SignedInAt);
