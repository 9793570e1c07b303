using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.OAuth;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>Client secrets that overlap while they are changed (contract 2.2, 2.5), on a clock that the test moves.</summary>
public sealed class SecretRotationTests : IAsyncLifetime
{
    private readonly TimedKontext kontext = new();
    private TestAgent agent = null!;

    public async ValueTask InitializeAsync()
    {
        kontext.StartServer();
        agent = new TestAgent(kontext.Address);
        await agent.ManagementTokenAsync("olivia");
    }

    public ValueTask DisposeAsync() => kontext.DisposeAsync();

    [Theory]
    [InlineData("applications")]
    [InlineData("service-accounts")]
    public async Task The_old_secret_works_until_the_overlap_ends(string kind)
    {
        var (id, client, old) = await CreateAsync(kind);
        var (rotated, fresh) = await RotateAsync(kind, id, new JsonObject { ["overlapSeconds"] = 3600 });
        var ends = (string?)(kind == "applications" ? rotated : rotated["credentials"]!)["previousSecretExpiresAt"];
        Assert.Equal(kontext.Time.GetUtcNow().AddHours(1), DateTimeOffset.Parse(ends!, CultureInfo.InvariantCulture));
        Assert.True(await IsAcceptedAsync(client, old));
        Assert.True(await IsAcceptedAsync(client, fresh));
        Assert.False(await IsAcceptedAsync(client, old + "x"));

        kontext.Time.Advance(TimeSpan.FromSeconds(3599));
        Assert.True(await IsAcceptedAsync(client, old));
        kontext.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(await IsAcceptedAsync(client, old));
        Assert.True(await IsAcceptedAsync(client, fresh));
    }

    [Theory]
    [InlineData("applications")]
    [InlineData("service-accounts")]
    public async Task At_most_two_secrets_are_valid_and_without_an_overlap_only_one(string kind)
    {
        var (id, client, first) = await CreateAsync(kind);
        var (_, second) = await RotateAsync(kind, id, new JsonObject { ["overlapSeconds"] = 604_800 });
        var (_, third) = await RotateAsync(kind, id, new JsonObject { ["overlapSeconds"] = 604_800 });
        Assert.Equal((bool[])[false, true, true], await Task.WhenAll(IsAcceptedAsync(client, first), IsAcceptedAsync(client, second), IsAcceptedAsync(client, third)));
        var (_, fourth) = await RotateAsync(kind, id, body: null);
        Assert.Equal((bool[])[false, false, false, true], await Task.WhenAll(IsAcceptedAsync(client, first), IsAcceptedAsync(client, second), IsAcceptedAsync(client, third), IsAcceptedAsync(client, fourth)));
    }

    [Theory]
    [InlineData("""{"overlapSeconds":-1}""")]
    [InlineData("""{"overlapSeconds":604801}""")]
    [InlineData("""{"overlapSeconds":"3600"}""")]
    [InlineData("""{"overlap":1}""")]
    public async Task An_overlap_that_is_none_changes_nothing(string body)
    {
        foreach (var kind in (string[])["applications", "service-accounts"])
        {
            var (id, client, secret) = await CreateAsync(kind);
            var refused = await agent.ApiAsync(HttpMethod.Post, $"/{kind}/{id}/rotate-secret", await OwnerAsync(), JsonNode.Parse(body));
            Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
            Assert.True(await IsAcceptedAsync(client, secret));
        }
    }

    [Fact]
    public async Task A_client_that_becomes_public_has_no_secret_left()
    {
        var (id, client, old) = await CreateAsync("applications");
        await RotateAsync("applications", id, new JsonObject { ["overlapSeconds"] = 3600 });
        await agent.ApiAsync(HttpMethod.Patch, $"/applications/{id}/oauth", await OwnerAsync(), new JsonObject { ["type"] = "public" });
        await agent.ApiAsync(HttpMethod.Patch, $"/applications/{id}/oauth", await OwnerAsync(), new JsonObject { ["type"] = "confidential" });
        Assert.False(await IsAcceptedAsync(client, old));
    }

    [Fact]
    public async Task The_overlap_is_in_the_audit_trail_and_no_secret_is()
    {
        var (id, _, old) = await CreateAsync("service-accounts");
        var (_, fresh) = await RotateAsync("service-accounts", id, new JsonObject { ["overlapSeconds"] = 3600 });
        var recorded = (await agent.ApiAsync(HttpMethod.Get, "/audit/events?limit=200", await OwnerAsync())).Json!.ToJsonString();
        Assert.Contains("the old one works until", recorded, StringComparison.Ordinal);
        Assert.DoesNotContain(old, recorded, StringComparison.Ordinal);
        Assert.DoesNotContain(fresh, recorded, StringComparison.Ordinal);
    }

    private Task<string> OwnerAsync() => agent.ManagementTokenAsync("olivia");

    private async Task<(string Id, string ClientId, string Secret)> CreateAsync(string kind)
    {
        var body = new JsonObject { ["name"] = ApiCalls.Unique("client") };
        if (kind == "applications")
            body["oauth"] = new JsonObject { ["type"] = "confidential", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) };
        var created = (await agent.ApiAsync(HttpMethod.Post, $"/{kind}", await OwnerAsync(), body)).Json!;
        var credentials = created[kind == "applications" ? "oauth" : "credentials"]!;
        return ((string)created[kind == "applications" ? "application" : "serviceAccount"]!["id"]!, (string)credentials["clientId"]!, (string)credentials["clientSecret"]!);
    }

    private async Task<(JsonNode Answer, string Secret)> RotateAsync(string kind, string id, JsonObject? body)
    {
        var rotated = await agent.ApiAsync(HttpMethod.Post, $"/{kind}/{id}/rotate-secret", await OwnerAsync(), body);
        Assert.Equal(HttpStatusCode.OK, rotated.Status);
        return (rotated.Json!, (string)rotated.Json![kind == "applications" ? "oauth" : "credentials"]!["clientSecret"]!);
    }

    // A refresh token that is none: what is said about it comes after the client was authenticated.
    private async Task<bool> IsAcceptedAsync(string client, string secret) =>
        (await agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["refresh_token"] = "x" }, $"{client}:{secret}"))["error"] != "invalid_client";
}
