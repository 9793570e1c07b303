namespace Kontext.Domain.Tenancy;

/// <summary>Acts for the organization on the management API, and nowhere else (contract 1.11).</summary>
public sealed record ServiceAccount
{
    /// <summary>Its id; the OAuth client id is <c>sa_</c> and this.</summary>
    public required ServiceAccountId Id { get; init; }

    /// <summary>Name shown to people.</summary>
    public required string Name { get; init; }

    /// <summary>What it is for; null when nobody said.</summary>
    public string? Description { get; init; }

    /// <summary>Hash of its client secret.</summary>
    public required string SecretHash { get; init; }

    /// <summary>The secret before it, while it is still accepted; null when there is none.</summary>
    public RetiringSecret? RetiringSecret { get; init; }

    /// <summary>Switched off for the time being: its secret and its tokens are refused.</summary>
    public bool Disabled { get; init; }

    /// <summary>Cut off for good: its secret and its tokens no longer work.</summary>
    public bool Revoked { get; init; }

    /// <summary>When it was created.</summary>
    public required DateTimeOffset CreatedAt { get; init; }
}

/// <summary>Keeps service accounts.</summary>
public interface IServiceAccountStore
{
    /// <summary>Resolves an OAuth client id to its organization; null when unknown.</summary>
    ValueTask<(OrgId Org, ServiceAccountId Account)?> ResolveClientAsync(string clientId, CancellationToken cancellationToken);

    /// <summary>The account, at most a second old; null when unknown.</summary>
    ValueTask<ServiceAccount?> CurrentAsync(OrgId org, ServiceAccountId account, CancellationToken cancellationToken);

    /// <summary>The row as stored now, for a conditional write.</summary>
    Task<Versioned<ServiceAccount>?> FindAsync(OrgId org, ServiceAccountId account, CancellationToken cancellationToken);

    /// <summary>Adds it and its client id.</summary>
    Task InsertAsync(OrgId org, ServiceAccount account, CancellationToken cancellationToken);

    /// <summary>Writes if nobody wrote since; null when somebody did.</summary>
    Task<Versioned<ServiceAccount>?> ReplaceAsync(OrgId org, Versioned<ServiceAccount> current, ServiceAccount next, CancellationToken cancellationToken);

    /// <summary>A page in the order of ids.</summary>
    Task<Page<ServiceAccount>> ListAsync(OrgId org, string? cursor, int limit, CancellationToken cancellationToken);
}
