using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Functions.OAuth;
using Kontext.Functions.Triggers;
using Kontext.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>Rotation of the signing keys over two instances of the program that share storage, keys and a clock.</summary>
public sealed class SigningKeyRotationTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private static readonly TimeSpan Ahead = SigningKeySettings.Default.PublishAhead;
    private TimedKontext first = null!;
    private TimedKontext second = null!;
    private TestAgent agent = null!;
    private string owner = "";

    public async ValueTask InitializeAsync()
    {
        first = new TimedKontext(await azurite.EmptyAccountAsync());
        first.StartServer();
        second = first.Sibling();
        second.StartServer();
        agent = new TestAgent(first.Address);
        owner = await agent.ManagementTokenAsync("olivia");
    }

    public async ValueTask DisposeAsync()
    {
        await second.DisposeAsync();
        await first.DisposeAsync();
    }

    [Fact]
    public async Task A_new_key_is_published_everywhere_before_it_signs_and_the_old_one_until_its_last_token_has_ended()
    {
        var old = Kid(owner);
        var rotated = await RotateAsync();
        var next = KidOf(rotated, "next");
        Assert.Equal(old, KidOf(rotated, "current"));
        await PublishedAsync(second, kids => kids.Contains(next));
        Assert.Equal([old, next], (await KeySetAsync(first)).Select(key => (string)key!["kid"]!));

        first.Time.Advance(Ahead - TimeSpan.FromSeconds(1));
        var lastOld = await agent.ManagementTokenAsync("olivia");
        Assert.Equal(old, Kid(lastOld));
        first.Time.Advance(TimeSpan.FromSeconds(1));
        var fromFirst = await agent.ManagementTokenAsync("olivia");
        Assert.Equal(next, Kid(fromFirst));
        Assert.Equal(HttpStatusCode.OK, await CallAsync(second, fromFirst));

        // The last token that the old key signed works on both until it ends by itself.
        first.Time.Advance(TimeSpan.FromMinutes(9));
        Assert.Equal(HttpStatusCode.OK, await CallAsync(first, lastOld));
        Assert.Equal(HttpStatusCode.OK, await CallAsync(second, lastOld));
        Assert.Contains(old, (await KeySetAsync(second)).Select(key => (string)key!["kid"]!));
        first.Time.Advance(TimeSpan.FromMinutes(2));
        foreach (var instance in new[] { first, second })
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await CallAsync(instance, lastOld));
            Assert.Equal([next], (await KeySetAsync(instance)).Select(key => (string)key!["kid"]!));
        }
    }

    [Fact]
    public async Task Of_many_rotations_at_once_one_makes_a_key()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 12).Select(number => TestAgent.CallAsync((number % 2 == 0 ? first : second).Address, HttpMethod.Post, "/api/v1/signing-keys/rotate", owner)));
        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.Status));
        var listed = await ListAsync();
        Assert.Equal(["current", "next"], listed.Select(key => (string)key!["state"]!).Order());
        Assert.Single(answers.Select(answer => KidOf(answer, "next")).Distinct());
        Assert.Single(await ChangesAsync("signing_key.rotated"));
    }

    [Fact]
    public async Task The_timer_replaces_a_key_of_ninety_days_once_and_puts_the_old_one_away()
    {
        await RunTimersAsync();
        Assert.Single((await RingAsync()).Keys);
        first.Time.Advance(TimeSpan.FromDays(90) - Ahead);
        await RunTimersAsync();
        var ring = await RingAsync();
        Assert.Equal(2, ring.Keys.Length);
        var old = ring.Keys.MinBy(key => key.ActiveFrom)!;
        Assert.Equal(Kid(owner), old.Kid);

        first.Time.Advance(Ahead + StoredKeyRing.Overlap + TimeSpan.FromHours(1));
        await RunTimersAsync();
        Assert.DoesNotContain(old.Kid, (await RingAsync()).Keys.Select(key => key.Kid));
        Assert.Null(await first.Services.GetRequiredService<ICredentialVault>().GetLatestAsync(SigningKeyStore.Issuer, CredentialName.SigningKey(old.Kid), default));
        owner = await agent.ManagementTokenAsync("olivia");
        Assert.Equal("retired", (string?)(await ListAsync()).Single(key => (string?)key!["kid"] == old.Kid)!["state"]);
        Assert.Single(await ChangesAsync("signing_key.rotated"));
    }

    [Fact]
    public async Task A_checkpoint_can_be_verified_when_its_key_is_long_retired()
    {
        var statement = Encoding.UTF8.GetBytes("""{"number":1}""");
        var signature = await first.Services.GetRequiredService<IAuditSigner>().SignAsync(statement, default);
        await RotateAsync();
        first.Time.Advance(Ahead + StoredKeyRing.Overlap + TimeSpan.FromHours(1));
        await RunTimersAsync();
        owner = await agent.ManagementTokenAsync("olivia");

        var kept = (await ListAsync()).Single(key => (string?)key!["kid"] == signature.KeyId)!;
        Assert.Equal("retired", (string?)kept["state"]);
        using var key = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = Base64Url.DecodeFromChars((string)kept["x"]!), Y = Base64Url.DecodeFromChars((string)kept["y"]!) },
        });
        Assert.True(key.VerifyData(statement, Base64Url.DecodeFromChars(signature.Value), HashAlgorithmName.SHA256));
        Assert.NotEqual(signature.KeyId, (await second.Services.GetRequiredService<IAuditSigner>().SignAsync(statement, default)).KeyId);
    }

    [Fact]
    public async Task Only_the_privileged_of_the_deployments_own_organization_see_and_change_the_keys()
    {
        var member = await agent.ManagementTokenAsync("mia");
        var stranger = await StrangerAsync();
        foreach (var token in new[] { member, stranger })
        {
            Assert.Equal("kontext_forbidden", (await agent.ApiAsync(HttpMethod.Get, "/signing-keys", token))["code"]);
            Assert.Equal("kontext_forbidden", (await agent.ApiAsync(HttpMethod.Post, "/signing-keys/rotate", token, new JsonObject { ["emergency"] = true }))["code"]);
        }
        Assert.Single((await RingAsync()).Keys);
        Assert.DoesNotContain("\"d\"", (await agent.ApiAsync(HttpMethod.Get, "/signing-keys", owner)).Json!.ToJsonString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"kid":"x"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"emergency":true,"kid":"x"}""", HttpStatusCode.NotFound)]
    [InlineData("""{"emergency":"yes"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"algorithm":"HS256"}""", HttpStatusCode.BadRequest)]
    public async Task A_rotation_that_makes_no_sense_changes_nothing(string body, HttpStatusCode status)
    {
        Assert.Equal(status, (await agent.ApiAsync(HttpMethod.Post, "/signing-keys/rotate", owner, JsonNode.Parse(body))).Status);
        Assert.Single((await RingAsync()).Keys);
    }

    [Fact]
    public async Task The_key_set_may_be_cached_for_less_time_than_a_new_key_waits()
    {
        using var http = new HttpClient();
        using var answer = await http.GetAsync(new Uri(first.Address, "/.well-known/jwks.json"));
        var cached = answer.Headers.CacheControl!.MaxAge!.Value;
        var waiting = (await RotateAsync()).Json!["items"]!.AsArray().Single(key => (string?)key!["state"] == "next")!;
        Assert.True(DateTimeOffset.Parse((string)waiting["activeFrom"]!, null) - first.Time.GetUtcNow() > cached);
    }

    private async Task<string> StrangerAsync()
    {
        var now = first.Time.GetUtcNow();
        var org = Ids.New<OrgId>(now);
        await first.Services.GetRequiredService<IOrganizationStore>().InsertAsync(new Organization { Id = org, Slug = "other", Name = "Other", CreatedAt = now }, default);
        var account = new ServiceAccount { Id = Ids.New<ServiceAccountId>(now), Name = "robot", SecretHash = RandomValue.HashOf("secret"), CreatedAt = now };
        await first.Services.GetRequiredService<IServiceAccountStore>().InsertAsync(org, account, default);
        return (await agent.TokenAsync(new() { ["grant_type"] = "client_credentials" }, $"{account.Id.ClientId}:secret"))["access_token"]!;
    }

    private async Task<JsonAnswer> RotateAsync()
    {
        var answer = await agent.ApiAsync(HttpMethod.Post, "/signing-keys/rotate", owner);
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        return answer;
    }

    private Task RunTimersAsync() => Task.WhenAll(new[] { first, second }.Select(instance =>
        instance.Services.GetServices<ITimerTrigger>().Single(timer => timer.Name == "fn-signing-keys").RunAsync(default)));

    private async Task<StoredKeyRing> RingAsync() => (await first.Services.GetRequiredService<SigningKeyStore>().RingAsync(default)).Value;

    private async Task<JsonArray> ListAsync() => (await agent.ApiAsync(HttpMethod.Get, "/signing-keys", owner)).Json!["items"]!.AsArray();

    private async Task<IReadOnlyList<JsonNode?>> ChangesAsync(string change) =>
        [.. (await agent.ApiAsync(HttpMethod.Get, "/audit/events?type=admin.change&hours=24&limit=200", owner)).Json!["items"]!.AsArray().Where(item => (string?)item!["capability"] == change)];

    private static async Task<HttpStatusCode> CallAsync(TimedKontext instance, string token) => (await TestAgent.CallAsync(instance.Address, HttpMethod.Get, "/api/v1/applications", token)).Status;

    private static async Task<JsonArray> KeySetAsync(TimedKontext instance) => (await TestAgent.CallAsync(instance.Address, HttpMethod.Get, "/.well-known/jwks.json", null)).Json!["keys"]!.AsArray();

    private static async Task PublishedAsync(TimedKontext instance, Func<IReadOnlyList<string>, bool> expected)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while (!expected([.. (await KeySetAsync(instance)).Select(key => (string)key!["kid"]!)]))
            await Task.Delay(50, limit.Token);
    }

    private static string Kid(string token) => (string)Jwt.Header(token)["kid"]!;

    private static string KidOf(JsonAnswer answer, string state) => (string)answer.Json!["items"]!.AsArray().Single(key => (string?)key!["state"] == state)!["kid"]!;
}
