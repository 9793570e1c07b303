using Kontext.Domain.OAuth;
using Kontext.Functions.SignIn;
using Kontext.Functions.Storage;
using Kontext.Functions.Upstream;

namespace Kontext.Functions.OAuth;

/// <summary>Registers the authorization server and sign-in.</summary>
internal static class OAuthServices
{
    public static IServiceCollection AddKontextOAuth(this IServiceCollection services, KontextSettings settings)
    {
        services
            .AddSingleton(new Resources(settings.Issuer))
            .AddSingleton<SigningKeyRing>()
            .AddSingleton<ITokenSigner, TokenSigner>()
            .AddSingleton<RefreshTokens>()
            .AddSingleton<ClientAuthentication>()
            .AddSingleton<TokenCallers>()
            .AddSingleton<TokenIssuing>()
            .AddSingleton<SessionRevocation>()
            .AddSingleton<OwnSessions>()
            .AddSingleton<AuthorizationCodeGrant>()
            .AddSingleton<RefreshTokenGrant>()
            .AddSingleton<ClientCredentialsGrant>()
            .AddSingleton<TokenExchange>()
            .AddSingleton<AuthorizeRequests>()
            .AddSingleton<StandingApprovals>()
            .AddClientDocuments(settings)
            .AddSingleton<IAuthorizationCodeStore, AuthorizationCodeStore>()
            .AddSingleton<BearerAuthentication>()
            .AddSingleton<TokenEndpoint>()
            .AddSingleton<AuthorizeEndpoint>()
            .AddSingleton<ConsentScreen>()
            .AddSingleton<RegistrationEndpoint>()
            .AddSingleton<RegistrationManagement>()
            .AddSingleton<RevocationEndpoint>()
            .AddKontextSignIn(settings);
        return services;
    }

    private static IServiceCollection AddClientDocuments(this IServiceCollection services, KontextSettings settings) => services
        .AddSingleton(new GuardedFetch(GuardedHttp.Create(address => GuardedFetch.IsAllowed(address, settings))))
        .AddSingleton<IClientDocuments, ClientDocuments>()
        .AddSingleton(provider => ActivatorUtilities.CreateInstance<DocumentClients>(provider, settings.Organization))
        .AddSingleton<ClientKeys>()
        .AddSingleton<IAssertionSignatures, AssertionSignatures>()
        .AddSingleton<ISpentAssertions, SpentAssertionStore>()
        .AddSingleton<ClientAssertions>();
}
