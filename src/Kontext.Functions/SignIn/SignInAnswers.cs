using Kontext.Domain;

namespace Kontext.Functions.SignIn;

/// <summary>What a provider's answer says, after everything about it was checked.</summary>
/// <param name="State">The sign-in it belongs to.</param>
/// <param name="Person">Who signed in.</param>
internal sealed record SignInAnswer(SignInState State, SignedInPerson Person);

/// <summary>Checks what providers answer: the state, who answers, the code, the ID token, and how long ago the person proved who they are.</summary>
internal sealed class SignInAnswers(SignInStates states, IdentityProvider providers, CodeExchange exchange, KontextSettings installation, TimeProvider time)
{
    private static readonly TimeSpan Skew = TimeSpan.FromSeconds(60);

    /// <summary>Takes the answer that came back with a state. The state is spent by it, whatever the answer.</summary>
    /// <param name="org">The organization of the state.</param>
    /// <param name="settings">The organization's provider.</param>
    /// <param name="state">The state.</param>
    /// <param name="browser">The browser's secret; null when it brought none.</param>
    /// <param name="answer">The answer's parameters.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<Result<SignInAnswer>> CheckAsync(OrgId org, SignInSettings settings, string state, Secret? browser, IQueryCollection answer, CancellationToken cancellationToken)
    {
        if (!(await states.SpendAsync(org, state, browser, cancellationToken)).TryGet(out var started, out var failure))
            return failure;
        if (!(await providers.DiscoverAsync(settings, cancellationToken)).TryGet(out var provider, out failure))
            return failure;
        // The answer of another provider may not be taken for this one's (RFC 9207 section 2.4).
        if (answer["iss"] is var issuers && (issuers.Count > 0 ? issuers is not [var issuer] || issuer != provider.Issuer : provider.SendsIssuer))
            return Untrusted("the answer names another issuer, or none");
        if (answer["error"] is [{ Length: > 0 } error, ..])
            return ProviderErrors.Of(error, "authorization endpoint");
        if (answer["code"] is not [{ Length: > 0 } code])
            return new Failure(FailureCode.InvalidRequest, "The sign-in provider's answer is not complete.", "the answer has no code");

        var proof = SignInProof.Of(browser!, state);
        if (!(await exchange.RunAsync(settings, provider, new Secret(code), SignInStart.RedirectUriOf(installation), proof.CodeVerifier, cancellationToken)).TryGet(out var token, out failure))
            return failure;
        if (!IdToken.ReadHeader(token.Reveal()).TryGet(out var header, out failure))
            return failure;
        if (!(await providers.KeysAsync(provider, header.KeyId, cancellationToken)).TryGet(out var keys, out failure))
            return failure;
        var expected = new IdTokenExpectation(provider.Issuer, settings.ClientId, proof.Nonce);
        if (!IdToken.Validate(token.Reveal(), keys, expected, time.GetUtcNow()).TryGet(out var claims, out failure))
            return failure;
        if (!SignedInPerson.Read(claims, settings).TryGet(out var person, out failure))
            return failure;
        if (TooOld(started, person, time.GetUtcNow()) is { } tooOld)
            return tooOld;
        return new SignInAnswer(started, person);
    }

    /// <summary>What is wrong with the age of the proof; null when nothing is. Who was asked for an age has to say it (OpenID Connect Core section 3.1.2.1, max_age).</summary>
    public static Failure? TooOld(SignInState started, SignedInPerson person, DateTimeOffset now)
    {
        if (started.MaxAgeSeconds is { } seconds)
        {
            if (person.AuthenticatedAt is not { } authenticated)
                return Untrusted("auth_time is missing although max_age was asked");
            if (now - authenticated > TimeSpan.FromSeconds(seconds) + Skew)
                return Untrusted("auth_time is older than max_age");
        }
        return started.Fresh && person.AuthenticatedAt < started.StartedAt - Skew ? Untrusted("auth_time is older than the prompt to sign in again") : null;
    }

    private static Failure Untrusted(string why) =>
        new(FailureCode.InvalidToken, "The answer of the sign-in provider cannot be trusted. Start again; if it happens again, tell an administrator.", why);
}
