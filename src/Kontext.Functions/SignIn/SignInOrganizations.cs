using Kontext.Domain;
using Kontext.Domain.Tenancy;
using Kontext.Functions.Pages;

namespace Kontext.Functions.SignIn;

/// <summary>Which organization somebody signs in to: the one an agent belongs to, the only one there is, or the one they name.</summary>
internal sealed class SignInOrganizations(IOrganizationStore organizations, KontextSettings settings)
{
    /// <summary>The organization of this slug, or the only one when none is named; null when it has to be asked for.</summary>
    public OrganizationSettings? Find(string? slug) =>
        string.IsNullOrWhiteSpace(slug) ? (settings.OtherOrganizations.IsEmpty ? settings.Organizations[0] : null)
        : settings.Organizations.FirstOrDefault(organization => string.Equals(organization.Slug, slug.Trim(), StringComparison.OrdinalIgnoreCase));

    /// <summary>The settings of a stored organization; null when there are none any more.</summary>
    public async ValueTask<OrganizationSettings?> OfAsync(OrgId org, CancellationToken cancellationToken) =>
        await organizations.CurrentAsync(org, cancellationToken) is { } organization ? Find(organization.Slug) : null;

    /// <summary>Its id. Every configured organization is created at the start.</summary>
    public async ValueTask<OrgId> IdOfAsync(OrganizationSettings organization, CancellationToken cancellationToken) =>
        await organizations.FindBySlugAsync(organization.Slug, cancellationToken) ?? throw new InvalidOperationException($"The organization {organization.Slug} was not created.");

    /// <summary>Asks for it. Which ones there are is not told: names of customers are nobody else's business.</summary>
    public static IResult Ask(SignInWish wish, string? asked) =>
        PageResult.Of<OrganizationPage>(new OrganizationModel(
            wish.ReturnTo, wish.Fresh, wish.MaxAgeSeconds, SignInWish.HintOf(wish.LoginHint),
            string.IsNullOrWhiteSpace(asked) ? null : "There is no organization by this name here. Ask your administrator for it."),
            string.IsNullOrWhiteSpace(asked) ? StatusCodes.Status200OK : StatusCodes.Status400BadRequest);
}
