using Kontext.Domain;
using Kontext.Functions.SignIn;
using Kontext.Functions.Storage;
using Kontext.Functions.Tests.Storage;

namespace Kontext.Functions.Tests.SignIn;

/// <summary>States of sign-ins under way: for one browser, one answer, ten minutes.</summary>
public sealed class SignInStatesTests
{
    private static readonly SignInWish Wish = new("/sessions", Fresh: false, MaxAgeSeconds: null, LoginHint: null);
    private readonly OrgId org = Samples.NewOrg();
    private readonly SteppedTime time = new();
    private readonly Secret browser = new(RandomValue.Token());
    private readonly SignInStates states;

    public SignInStatesTests() => states = new SignInStates(new MemoryTables(), time);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Of_many_answers_at_once_one_is_taken()
    {
        var state = await states.StartAsync(org, browser, Wish, Cancel);
        var answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() => states.SpendAsync(org, state, browser, Cancel))));
        Assert.Single(answers, answer => answer.TryGet(out _, out _));
    }

    [Fact]
    public async Task Another_browser_neither_takes_nor_spends_it()
    {
        var state = await states.StartAsync(org, browser, Wish, Cancel);
        Assert.Equal("state of another browser", await RefusalAsync(state, new Secret(RandomValue.Token())));
        Assert.Equal("state of another browser", await RefusalAsync(state, null));
        Assert.Null(await RefusalAsync(state, browser));
        Assert.Equal("state used before", await RefusalAsync(state, browser));
    }

    [Fact]
    public async Task It_lives_for_ten_minutes()
    {
        var (early, late) = (await states.StartAsync(org, browser, Wish, Cancel), await states.StartAsync(org, browser, Wish, Cancel));
        time.Advance(TimeSpan.FromMinutes(10));
        Assert.Null(await RefusalAsync(early, browser));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("state expired", await RefusalAsync(late, browser));
    }

    [Fact]
    public void Nonce_and_verifier_differ_for_every_browser_and_state()
    {
        var proof = SignInProof.Of(browser, "a");
        Assert.Equal(proof.Nonce, SignInProof.Of(browser, "a").Nonce);
        Assert.Equal(43, proof.CodeVerifier.Reveal().Length);
        var others = new[] { SignInProof.Of(browser, "b"), SignInProof.Of(new Secret("other"), "a") };
        Assert.All(others, other => Assert.NotEqual((proof.Nonce, proof.CodeVerifier.Reveal()), (other.Nonce, other.CodeVerifier.Reveal())));
        Assert.NotEqual(proof.Nonce, proof.CodeVerifier.Reveal());
    }

    private async Task<string?> RefusalAsync(string state, Secret? secret) =>
        (await states.SpendAsync(org, state, secret, Cancel)).TryGet(out _, out var failure) ? null : failure.Detail;
}
