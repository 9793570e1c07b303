using System.Collections.Immutable;
using Kontext.Domain.Integrations;

namespace Kontext.Domain.Vault;

/// <summary>A catalog entry's addresses with the integration's parameters filled in.</summary>
internal sealed class ProviderPlaces
{
    private readonly Dictionary<string, string> values = new(StringComparer.Ordinal);
    private readonly string clientId;

    /// <summary>Takes each declared parameter from the integration, else its default. Others are ignored, and so is a value the entry does not accept.</summary>
    public ProviderPlaces(CatalogProvider? provider, ImmutableDictionary<string, string>? parameters, string clientId)
    {
        this.clientId = clientId;
        foreach (var parameter in provider?.Parameters ?? [])
        {
            var value = parameters?.GetValueOrDefault(parameter.Name) ?? parameter.Default;
            if (value is not null && parameter.Accepts(value))
                values[parameter.Name] = value;
            else
                Missing ??= parameter;
        }
    }

    /// <summary>The first parameter without a usable value; null when all have one.</summary>
    public CatalogParameter? Missing { get; }

    /// <summary>The address; null when there is none, or it cannot be completed.</summary>
    public Uri? Of(EndpointTemplate? template) => template?.Resolve(values, clientId);

    /// <summary>The account endpoint; null when there is none, or it cannot be completed.</summary>
    public AccountIdentity? Of(CatalogAccount? account) => account is not null && Of(account.Url) is { } url
        ? new AccountIdentity
        {
            Url = url,
            Paths = account.Paths,
            Body = account.Body,
            Headers = account.Headers,
            TokenHeader = account.TokenHeader,
            TokenScheme = account.TokenScheme ?? "Bearer",
            Scope = account.Scope,
            RefusalErrors = account.RefusalErrors,
        }
        : null;
}
