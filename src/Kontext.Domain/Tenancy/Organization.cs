namespace Kontext.Domain.Tenancy;

/// <summary>A tenant: users, applications, connections, policies and audit of one cannot be seen from another (contract 1.2).</summary>
public sealed record Organization
{
    /// <summary>Its id, the first part of every storage key.</summary>
    public required OrgId Id { get; init; }

    /// <summary>Short name for addresses and settings, such as <c>dev</c>.</summary>
    public required string Slug { get; init; }

    /// <summary>Name shown to people.</summary>
    public required string Name { get; init; }

    /// <summary>False means observe: decisions are made and recorded, not enforced (contract 1.10).</summary>
    public bool PolicyEnabled { get; init; } = true;

    /// <summary>Whether unknown clients may register themselves (RFC 7591).</summary>
    public bool DynamicRegistration { get; init; }

    /// <summary>Cut off until it is reinstated: no agent gets a credential or a call through. Its administrators can still manage it.</summary>
    public bool Suspended { get; init; }

    /// <summary>When it was created.</summary>
    public required DateTimeOffset CreatedAt { get; init; }
}

/// <summary>Keeps organizations.</summary>
public interface IOrganizationStore
{
    /// <summary>The organization, at most a second old; null when there is none.</summary>
    ValueTask<Organization?> CurrentAsync(OrgId org, CancellationToken cancellationToken);

    /// <summary>Resolves a slug; null when no organization has it.</summary>
    ValueTask<OrgId?> FindBySlugAsync(string slug, CancellationToken cancellationToken);

    /// <summary>The row as stored now, for a conditional write.</summary>
    Task<Versioned<Organization>?> FindAsync(OrgId org, CancellationToken cancellationToken);

    /// <summary>Creates it and takes its slug; false when the slug is taken.</summary>
    Task<bool> InsertAsync(Organization organization, CancellationToken cancellationToken);

    /// <summary>Writes if nobody wrote since; null when somebody did.</summary>
    Task<Versioned<Organization>?> ReplaceAsync(Versioned<Organization> current, Organization next, CancellationToken cancellationToken);
}
