using System.Collections.Concurrent;
using Kontext.Domain;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Storage;

/// <summary>Organizations by id, and an index of their slugs.</summary>
internal sealed class OrganizationStore(ITableSource tables, FreshCache cache, EpochFeed epochs) : IOrganizationStore
{
    private const string OrgProperty = "org";

    private readonly DocumentTable<Organization> organizations = new(tables.Open("organizations"), StoredJson.Default.Organization);
    private readonly ITable slugs = tables.Open("slugs");
    private readonly OrganizationIndex index = new(tables);
    private readonly ConcurrentDictionary<string, OrgId> known = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public ValueTask<Organization?> CurrentAsync(OrgId org, CancellationToken cancellationToken) => cache.GetAsync(
        new FreshKey(FreshKind.Organization, org), (Store: this, org),
        static async (state, token) => (await state.Store.FindAsync(state.org, token))?.Value, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<OrgId?> FindBySlugAsync(string slug, CancellationToken cancellationToken)
    {
        if (!IsSlug(slug))
            return null;
        // A slug is for good, so what was once found stays found. Only slugs that exist get here.
        if (known.TryGetValue(slug, out var org))
            return org;
        if (await FindSlugAsync(slugs, slug, cancellationToken) is not { } found)
            return null;
        known[slug] = found;
        return found;
    }

    /// <summary>The organization of a slug, without a store; null when there is none.</summary>
    public static async Task<OrgId?> FindSlugAsync(ITableSource tables, string slug, CancellationToken cancellationToken) =>
        IsSlug(slug) ? await FindSlugAsync(tables.Open("slugs"), slug, cancellationToken) : null;

    /// <inheritdoc/>
    public Task<Versioned<Organization>?> FindAsync(OrgId org, CancellationToken cancellationToken) =>
        organizations.FindAsync(Key.Of(org), Key.Of(org), cancellationToken);

    /// <inheritdoc/>
    public async Task<bool> InsertAsync(Organization organization, CancellationToken cancellationToken)
    {
        if (!IsSlug(organization.Slug))
            throw new ArgumentException("A slug has 1 to 63 characters: small letters, digits and hyphens.");
        // In the index first: what goes through all organizations finds nothing to do in one that does not exist.
        await index.AddAsync(organization.Id, cancellationToken);
        // The slug comes last: a crash in between leaves an organization nobody can name, not a name that leads nowhere.
        if (await organizations.InsertAsync(Key.Of(organization.Id), Key.Of(organization.Id), organization, cancellationToken) is not { } inserted)
            return false;
        var key = SlugKey(organization.Slug);
        var row = new TableRow(key, key, new Dictionary<string, object> { [OrgProperty] = organization.Id.ToString() });
        if ((await slugs.InsertAsync(row, CancellationToken.None)).Ok)
            return true;
        await organizations.DeleteAsync(Key.Of(organization.Id), Key.Of(organization.Id), inserted.Version, CancellationToken.None);
        return false;
    }

    /// <inheritdoc/>
    public async Task<Versioned<Organization>?> ReplaceAsync(Versioned<Organization> current, Organization next, CancellationToken cancellationToken)
    {
        if (next.Id != current.Value.Id || next.Slug != current.Value.Slug)
            throw new ArgumentException("An organization keeps its id and its slug.");
        var written = await organizations.ReplaceAsync(Key.Of(next.Id), Key.Of(next.Id), current, next, cancellationToken);
        if (written is not null)
            await epochs.BumpAsync(next.Id);
        return written;
    }

    private static async Task<OrgId?> FindSlugAsync(ITable slugs, string slug, CancellationToken cancellationToken) =>
        await slugs.GetAsync(SlugKey(slug), SlugKey(slug), cancellationToken) is { } row ? OrgId.Parse((string)row.Properties[OrgProperty], provider: null) : null;

    private static string SlugKey(string slug) => $"slug~{slug}";

    private static bool IsSlug(string text) => text.Length is > 0 and < 64 && text.All(letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter == '-');
}
