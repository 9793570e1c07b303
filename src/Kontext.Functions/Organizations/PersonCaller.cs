using Kontext.Domain;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Organizations;

/// <summary>A person who speaks for themself: by a browser's sign-in, or by an access token for the management API.</summary>
/// <param name="Org">The organization.</param>
/// <param name="User">The person.</param>
/// <param name="Browser">What flows started in this browser are bound to; null with an access token.</param>
internal sealed record PersonCaller(OrgId Org, User User, string? Browser) : Caller(Org);
