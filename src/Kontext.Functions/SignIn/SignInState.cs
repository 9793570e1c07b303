using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Kontext.Domain;
using Kontext.Functions.Storage;

namespace Kontext.Functions.SignIn;

/// <summary>A sign-in under way at the provider, as stored under the hash of its state. Nonce and PKCE verifier are not in it: they are made from what only the browser holds (<see cref="SignInProof"/>).</summary>
/// <param name="Browser">Hash of the browser's secret.</param>
/// <param name="ReturnTo">Where the person goes afterwards.</param>
/// <param name="Fresh">The person has to sign in again, even when the provider knows them.</param>
/// <param name="MaxAgeSeconds">Oldest acceptable proof of who they are; null when any will do.</param>
/// <param name="StartedAt">When they were sent to the provider.</param>
/// <param name="Spent">The answer has come.</param>
internal sealed record SignInState(string Browser, string ReturnTo, bool Fresh, int? MaxAgeSeconds, DateTimeOffset StartedAt, bool Spent)
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);

    /// <summary>When an answer comes too late.</summary>
    public DateTimeOffset ExpiresAt => StartedAt + Lifetime;
}

/// <summary>What one sign-in proves itself with at the provider.</summary>
/// <param name="Nonce">Comes back in the ID token.</param>
/// <param name="CodeVerifier">PKCE (RFC 7636).</param>
internal sealed record SignInProof(string Nonce, Secret CodeVerifier)
{
    /// <summary>The proof of a sign-in: always the same for one browser and state, and made by nobody who lacks either.</summary>
    public static SignInProof Of(Secret browser, string state) => new(Derive(browser, "nonce", state), new Secret(Derive(browser, "verifier", state)));

    private static string Derive(Secret browser, string purpose, string state) =>
        Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(browser.Reveal()), Encoding.UTF8.GetBytes($"{purpose}\n{state}")));
}

/// <summary>Keeps sign-ins under way: each for ten minutes, for one browser and one answer.</summary>
internal sealed class SignInStates(ITableSource tables, TimeProvider time)
{
    private readonly HashKeyed<SignInState> states = new(tables.Open("signinstates"), StoredJson.Default.SignInState);

    /// <summary>Keeps one; gives the value of <c>state</c>.</summary>
    public async Task<string> StartAsync(OrgId org, Secret browser, SignInWish wish, CancellationToken cancellationToken)
    {
        var state = OrgHandle.New(org, OrgHandle.SignInState);
        await states.InsertAsync(org, RandomValue.HashOf(state), new SignInState(RandomValue.HashOf(browser.Reveal()), wish.ReturnTo, wish.Fresh, wish.MaxAgeSeconds, time.GetUtcNow(), Spent: false), cancellationToken);
        return state;
    }

    /// <summary>The organization in which such a sign-in was started, whoever brings the state; null when none was.</summary>
    public async Task<OrgId?> OrganizationOfAsync(string? state, CancellationToken cancellationToken) =>
        OrgHandle.TryRead(state, OrgHandle.SignInState, out var org) && await states.FindAsync(org, RandomValue.HashOf(state!), cancellationToken) is not null ? org : null;

    /// <summary>Takes one, once: a second answer, a late one, or one in another browser is refused.</summary>
    public async Task<Result<SignInState>> SpendAsync(OrgId org, string state, Secret? browser, CancellationToken cancellationToken)
    {
        var hash = RandomValue.HashOf(state);
        if (await states.FindAsync(org, hash, cancellationToken) is not { } stored)
            return Refused("unknown state");
        // Checked first, so that nobody else can spend a person's sign-in.
        if (browser is null || !RandomValue.Matches(browser.Reveal(), stored.Value.Browser))
            return Refused("state of another browser");
        if (stored.Value.Spent)
            return Refused("state used before");
        if (time.GetUtcNow() > stored.Value.ExpiresAt)
            return Refused("state expired");
        return await states.ReplaceAsync(org, hash, stored, stored.Value with { Spent = true }, cancellationToken) is null ? Refused("state used before") : stored.Value;
    }

    private static Failure Refused(string why) => new(FailureCode.InvalidGrant, "This sign-in was started in another browser, has been used, or took too long.", why);
}
