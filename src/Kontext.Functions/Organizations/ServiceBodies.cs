using System.Text.Json.Serialization;
using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;
using Kontext.Functions.Api;

namespace Kontext.Functions.Organizations;

/// <summary>A person's stored connection to a service, by the names of seed 004.</summary>
internal sealed record ConnectionRecordBody
{
    public required string Id { get; init; }

    public required string OrganizationId { get; init; }

    public required string UserId { get; init; }

    public required string Service { get; init; }

    public required string IntegrationId { get; init; }

    public required string AuthMode { get; init; }

    /// <summary><c>valid</c>, <c>invalid</c> or <c>unknown</c>.</summary>
    public required string Status { get; init; }

    public required bool Connected { get; init; }

    /// <summary>The account at the service; absent when it is not known.</summary>
    public string? OauthUserId { get; init; }

    public required IReadOnlyList<string> Scopes { get; init; }

    public string? Reason { get; init; }

    public string? ReasonCode { get; init; }

    public string? Message { get; init; }

    public string? LastError { get; init; }

    public string? ExpiresAt { get; init; }

    public string? ValidatedAt { get; init; }

    public string? RefreshedAt { get; init; }

    public required string CreatedAt { get; init; }

    /// <summary>The page on which the person connects again; absent while it works.</summary>
    public string? ConnectUrl { get; init; }

    /// <summary>Null when nothing is stored that the person would know of: they never connected, or it was ended on purpose.</summary>
    public static ConnectionRecordBody? Of(PersonCaller caller, Integration integration, ConnectionState state, string connectUrl) =>
        state.Connection is not { } connection || !IsShown(state)
            ? null
            : new ConnectionRecordBody
            {
                Id = connection.Id.ToString(),
                OrganizationId = caller.Org.ToString(),
                UserId = caller.User.Id.ToString(),
                Service = integration.Name,
                IntegrationId = integration.Id.ToString(),
                AuthMode = IntegrationWords.Of(integration.AuthMode),
                Status = ConnectionWireWords.Of(state.Validity),
                Connected = state.Connected,
                OauthUserId = connection.Account,
                Scopes = connection.Scopes.IsDefault ? [] : connection.Scopes,
                Reason = state.Reason,
                ReasonCode = state.ReasonCode,
                Message = connection.CheckMessage,
                LastError = connection.LastError,
                ExpiresAt = Wire.Time(connection.AccessExpiresAt),
                ValidatedAt = Wire.Time(connection.CheckedAt),
                RefreshedAt = Wire.Time(connection.RefreshedAt),
                CreatedAt = Wire.Time(connection.ConnectedAt),
                ConnectUrl = state.Connected ? null : connectUrl,
            };

    /// <summary>Is there something stored that the person would know of?</summary>
    public static bool IsShown(ConnectionState state) =>
        state.Connection is not null && state.ReasonCode is not (ConnectionEnds.ByPerson or ConnectionEnds.ByAdministrator or ConnectionEnds.ModeChanged or ConnectionEnds.Archived);
}

/// <summary>A service people of the organization can connect, whether or not this person has.</summary>
internal sealed record ServiceBody
{
    public required string Service { get; init; }

    public required string IntegrationId { get; init; }

    public string? Provider { get; init; }

    public required string Name { get; init; }

    public string? Description { get; init; }

    public required string AuthMode { get; init; }

    public required bool Connected { get; init; }

    public string? Reason { get; init; }

    public string? TokenLabel { get; init; }

    public string? TokenHelpUrl { get; init; }

    public string? TokenPlaceholder { get; init; }

    public required IReadOnlyList<string> CredentialFields { get; init; }

    public static ServiceBody Of(Integration integration, CatalogProvider? provider, ConnectionState state) => new()
    {
        Service = integration.Name,
        IntegrationId = integration.Id.ToString(),
        Provider = provider?.Key,
        Name = NameOf(integration, provider),
        Description = DescriptionOf(integration, provider),
        AuthMode = IntegrationWords.Of(integration.AuthMode),
        Connected = state.Connected,
        Reason = state.Reason,
        TokenLabel = integration.TokenLabel,
        TokenHelpUrl = integration.TokenHelpUrl,
        TokenPlaceholder = integration.TokenPlaceholder,
        CredentialFields = [.. integration.CredentialSchema.Keys.Order(StringComparer.Ordinal)],
    };

    /// <summary>Its name for people: the provider's, where the integration is called by the provider's key or an alias of it.</summary>
    public static string NameOf(Integration integration, CatalogProvider? provider) =>
        provider is not null && provider.Aliases.Add(provider.Key).Contains(integration.Name, StringComparer.OrdinalIgnoreCase) ? provider.Name : integration.Name;

    /// <summary>What it is good for; null when nothing is known. Which access is asked for is said only of an integration that asks for the provider's usual one.</summary>
    public static string? DescriptionOf(Integration integration, CatalogProvider? provider) =>
        integration.OAuth is { Scopes.IsDefaultOrEmpty: true } ? provider?.DefaultAccess ?? provider?.Description : provider?.Description;
}

/// <summary>The person's records, and what there is to connect.</summary>
internal sealed record ServiceListBody(IReadOnlyList<ConnectionRecordBody> Integrations, IReadOnlyList<ServiceBody> Services);

/// <summary>One record.</summary>
internal sealed record ConnectionRecordEnvelope(ConnectionRecordBody Integration, string? Message = null);

/// <summary>What validation found, and the record after it.</summary>
internal sealed record ServiceValidationBody(bool IsValid, string Message, ConnectionRecordBody? Integration);

/// <summary>Where the person authorizes.</summary>
internal sealed record AuthLinkBody(string AuthLink);

/// <summary>What the provider's redirect brought to the callback page.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record CallbackInput
{
    public string? Code { get; init; }

    public string? State { get; init; }

    public string? Iss { get; init; }

    public string? Error { get; init; }

    public string? ErrorDescription { get; init; }
}

/// <summary>A connection made by authorizing.</summary>
internal sealed record ConnectedBody(ConnectionRecordBody Integration, IReadOnlyList<string> MissingScopes);

/// <summary>A connection that was ended.</summary>
internal sealed record DisconnectedBody(bool Disconnected, RemovalBody Revocation);

/// <summary>JSON of this API: snake_case, absent instead of null.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = 16)]
[JsonSerializable(typeof(ServiceListBody))]
[JsonSerializable(typeof(ConnectionRecordEnvelope))]
[JsonSerializable(typeof(ServiceValidationBody))]
[JsonSerializable(typeof(AuthLinkBody))]
[JsonSerializable(typeof(CallbackInput))]
[JsonSerializable(typeof(ConnectedBody))]
[JsonSerializable(typeof(DisconnectedBody))]
[JsonSerializable(typeof(NewConnection))]
internal sealed partial class OrganizationJson : JsonSerializerContext;
