using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Testing.Connections;

/// <summary>A provider that rotates refresh tokens and ends the grant when a spent one is presented, and does what a test scripts.</summary>
public sealed class ScriptedProvider(TimeProvider time) : IProviderClient
{
    private readonly Lock gate = new();
    private string currentRefreshToken = "rt-1";
    private int generation = 1;
    private int refreshing;

    /// <summary>The grant was ended: a spent refresh token came, or the user withdrew it.</summary>
    public bool Dead { get; set; }

    /// <summary>How often a refresh arrived.</summary>
    public int Refreshes { get; private set; }

    /// <summary>The most refreshes at the same time.</summary>
    public int MostAtOnce { get; private set; }

    /// <summary>Tokens that were revoked.</summary>
    public List<string> Revoked { get; } = [];

    /// <summary>Decides the answer of the next refresh after the provider has done its part; null lets it pass.</summary>
    public Func<TokenAnswer, Task<Result<TokenAnswer>>>? OnRefresh { get; set; }

    /// <summary>Refuses the next refreshes before the provider does anything; null lets them pass.</summary>
    public Failure? Refusal { get; set; }

    /// <summary>What an exchanged code brings.</summary>
    public Result<TokenAnswer>? Exchange { get; set; }

    /// <summary>What revocation answers; null for success.</summary>
    public Failure? RevocationFailure { get; set; }

    /// <inheritdoc/>
    public async Task<Result<TokenAnswer>> RefreshAsync(ProviderApp app, Secret refreshToken, CancellationToken cancellationToken)
    {
        TokenAnswer answer;
        lock (gate)
        {
            Refreshes++;
            MostAtOnce = Math.Max(MostAtOnce, ++refreshing);
            if (Refusal is { } refusal)
            {
                refreshing--;
                return refusal;
            }
            if (Dead || refreshToken.Reveal() != currentRefreshToken)
            {
                Dead = true;
                refreshing--;
                return new Failure(FailureCode.InvalidGrant, "The provider no longer accepts the grant.");
            }
            generation++;
            currentRefreshToken = $"rt-{generation}";
            answer = new TokenAnswer
            {
                AccessToken = new Secret($"at-{generation}"), RefreshToken = new Secret(currentRefreshToken), ExpiresAt = time.GetUtcNow() + TimeSpan.FromHours(1), TokenType = "Bearer",
            };
        }
        try
        {
            return OnRefresh is { } script ? await script(answer) : answer;
        }
        finally
        {
            lock (gate)
                refreshing--;
        }
    }

    /// <inheritdoc/>
    public Task<Result<TokenAnswer>> ExchangeCodeAsync(ProviderApp app, Secret code, Uri redirectUri, Secret? codeVerifier, CancellationToken cancellationToken) =>
        Task.FromResult(Exchange ?? new Failure(FailureCode.InvalidGrant, "No such code."));

    /// <inheritdoc/>
    public Task<Result<Done>> RevokeAsync(ProviderApp app, Secret token, string hint, CancellationToken cancellationToken)
    {
        lock (gate)
            Revoked.Add(token.Reveal());
        return Task.FromResult(RevocationFailure is { } failure ? failure : Result.Of(new Done()));
    }

    /// <summary>How often it was asked whose a token is.</summary>
    public int Identities { get; private set; }

    /// <summary>What it answers then; null for the account's name.</summary>
    public Func<Task<Failure?>>? OnIdentity { get; set; }

    /// <inheritdoc/>
    public async Task<Result<string?>> IdentityAsync(string name, AccountIdentity account, Secret accessToken, CancellationToken cancellationToken)
    {
        lock (gate)
            Identities++;
        return OnIdentity is { } script && await script() is { } failure ? failure : Result.Of<string?>("alice@example.test");
    }

    /// <summary>Clients may register themselves.</summary>
    public bool TakesRegistrations { get; set; } = true;

    /// <summary>Client metadata documents are accepted.</summary>
    public bool TakesClientDocuments { get; set; }

    /// <summary>PKCE is supported.</summary>
    public bool Pkce { get; set; } = true;

    /// <summary>Its metadata, for integrations that name it as their issuer.</summary>
    public Task<Result<IssuerMetadata>> DiscoverAsync(string issuer, CancellationToken cancellationToken) => Task.FromResult(Result.Of(new IssuerMetadata
    {
        Issuer = issuer,
        AuthorizationEndpoint = new Uri(issuer + "/authorize"),
        TokenEndpoint = new Uri(issuer + "/token"),
        RevocationEndpoint = new Uri(issuer + "/revoke"),
        UserInfoEndpoint = new Uri(issuer + "/userinfo"),
        SendsIssuer = true,
        RegistrationEndpoint = TakesRegistrations ? new Uri(issuer + "/register") : null,
        TakesClientDocuments = TakesClientDocuments,
        ChallengeMethods = Pkce ? ["S256"] : [],
    }));
}
