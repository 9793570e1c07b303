using Kontext.Domain.OAuth;
using Kontext.Domain.Revocations;
using Kontext.Functions.Limits;
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
            .AddSingleton<SigningKeyStore>()
            .AddSingleton<SigningKeyRing>()
            .AddSingleton<SigningKeyRotation>()
            .AddSingleton<ITokenSigner, TokenSigner>()
            .AddSingleton<RefreshTokens>()
            .AddSingleton<ClientAuthentication>()
            .AddSingleton<Standstill>()
            .AddSingleton<PolicyMode>()
            .AddSingleton<TokenCallers>()
            .AddSingleton<TokenIssuing>()
            .AddSingleton<SessionRevocation>()
            .AddSingleton<OwnSessions>()
            .AddSingleton<AuthorizationCodeGrant>()
            .AddDeviceGrant()
            .AddSingleton<TokenIntrospection>()
            .AddSingleton<IntrospectionEndpoint>()
            .AddSingleton<RefreshTokenGrant>()
            .AddSingleton<ClientCredentialsGrant>()
            .AddSingleton<TokenExchange>()
            .AddSingleton<ExchangeSubjects>()
            .AddSingleton<ExchangeTargets>()
            .AddSingleton<ChildSessions>()
            .AddSingleton<AuthorizeRequests>()
            .AddSingleton<StandingApprovals>()
            .AddClientDocuments(settings)
            .AddSingleton<IAuthorizationCodeStore, AuthorizationCodeStore>()
            .AddProofOfPossession(settings)
            .AddSingleton<AttemptLimits>()
            .AddSingleton<RequestSlots>()
            .AddSingleton<BearerAuthentication>()
            .AddSingleton<TokenEndpoint>()
            .AddSingleton<RecordedRefusals>()
            .AddSingleton<AuthorizeEndpoint>()
            .AddSingleton<ConsentScreen>()
            .AddSingleton<ConsentDecision>()
            .AddSingleton<RegistrationEndpoint>()
            .AddSingleton<RegistrationManagement>()
            .AddSingleton<RevocationEndpoint>()
            .AddKontextSignIn(settings);
        return services;
    }

    private static IServiceCollection AddProofOfPossession(this IServiceCollection services, KontextSettings settings) => services
        .AddSingleton<DPoPNonces>()
        .AddSingleton(provider => ActivatorUtilities.CreateInstance<DPoPProofs>(provider, settings.DPoPNonceRequired))
        .AddSingleton<ISpentProofs, SpentProofStore>()
        .AddSingleton<RecentProofs>()
        .AddSingleton<ProofOfPossession>();

    private static IServiceCollection AddDeviceGrant(this IServiceCollection services) => services
        .AddSingleton<IDeviceAuthorizationStore, DeviceAuthorizationStore>()
        .AddSingleton<IWrongUserCodeStore, WrongUserCodeStore>()
        .AddSingleton<UserCodeGuesses>()
        .AddSingleton<DeviceAuthorizationRequests>()
        .AddSingleton<DeviceApprovals>()
        .AddSingleton<DeviceCodeGrant>()
        .AddSingleton<DeviceAuthorizationEndpoint>()
        .AddSingleton<DevicePages>();

    private static IServiceCollection AddClientDocuments(this IServiceCollection services, KontextSettings settings) => services
        .AddSingleton(new GuardedFetch(GuardedHttp.Create(address => GuardedFetch.IsAllowed(address, settings))))
        .AddSingleton<IClientDocuments, ClientDocuments>()
        .AddSingleton(provider => ActivatorUtilities.CreateInstance<DocumentClients>(provider, settings.Organization))
        .AddSingleton<ClientKeys>()
        .AddSingleton<IAssertionSignatures, AssertionSignatures>()
        .AddSingleton<ISpentAssertions, SpentAssertionStore>()
        .AddSingleton<ClientAssertions>();
}
