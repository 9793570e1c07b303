using System.Net;
using System.Text.Json.Nodes;
using Kontext.Functions.Tests.Mcp;
using Kontext.Testing;
using Kontext.Testing.KeyVaultApi;

namespace Kontext.Functions.Tests.Cloud;

/// <summary>The whole program over a key vault.</summary>
public sealed class KeyVaultProgramTests : IAsyncLifetime
{
    private KeyVaultStandIn standIn = null!;
    private McpServerDouble service = null!;

    public async ValueTask InitializeAsync()
    {
        standIn = await KeyVaultStandIn.StartAsync();
        service = await McpServerDouble.StartAsync(modern: true);
    }

    public async ValueTask DisposeAsync()
    {
        await service.DisposeAsync();
        await standIn.DisposeAsync();
    }

    [Theory]
    [InlineData("keyvault", true)]
    [InlineData("envelope", false)]
    public async Task Signing_keys_and_tokens_of_people_are_kept_as_the_settings_say(string credentials, bool inSecrets)
    {
        await using var kontext = new KeyVaultKontext(standIn, credentials);
        kontext.StartServer();
        var agent = new TestAgent(kontext.Address);
        await ConnectAsync(agent, await agent.ManagementTokenAsync("olivia"));
        var secrets = standIn["acme-kv"].Secrets;
        Assert.Contains(secrets.Keys, name => name.StartsWith("data-key-", StringComparison.Ordinal));
        var values = secrets.Values.SelectMany(secret => secret.Versions).Select(version => version.Value).ToList();
        Assert.Equal(inSecrets, values.Any(value => value.Contains("upstream-secret-1", StringComparison.Ordinal)));
        Assert.Equal(inSecrets, secrets.Values.SelectMany(secret => secret.Versions).Any(version => version.Tags.GetValueOrDefault("kontext-credential", "").StartsWith("signing-key-", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Ending_a_connection_tells_until_when_the_vaults_operators_could_bring_the_secret_back(bool purgeProtection)
    {
        standIn["acme-kv"].PurgeProtection = purgeProtection;
        await using var kontext = new KeyVaultKontext(standIn, "keyvault");
        kontext.StartServer();
        var agent = new TestAgent(kontext.Address);
        var token = await agent.ManagementTokenAsync("olivia");
        var id = await ConnectAsync(agent, token);
        var user = (string)(await agent.ApiAsync(HttpMethod.Get, $"/integrations/{id}/connections", token)).Json!["items"]![0]!["userId"]!;
        var ended = (await agent.ApiAsync(HttpMethod.Delete, $"/integrations/{id}/connections/{user}", token)).Json!["revocation"]!;
        Assert.True((bool)ended["secretsDeleted"]!);
        Assert.Equal(purgeProtection, ended["recoverableUntil"] is not null);
        if (purgeProtection)
            Assert.Equal(StandInVault.PurgedAt, DateTimeOffset.Parse((string)ended["recoverableUntil"]!, System.Globalization.CultureInfo.InvariantCulture));
        var events = (await agent.ApiAsync(HttpMethod.Get, "/audit/events?limit=50", token)).Json!.ToJsonString();
        Assert.Equal(purgeProtection, events.Contains("can recover the credential until", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_vault_that_throttles_or_is_gone_is_a_503_without_details_and_with_the_time_to_wait()
    {
        await using var kontext = new KeyVaultKontext(standIn, "keyvault");
        kontext.StartServer();
        var agent = new TestAgent(kontext.Address);
        var token = await agent.ManagementTokenAsync("olivia");
        var id = await AddServiceAsync(agent, token);
        standIn.Fail(StandInFault.Throttled(retryAfterSeconds: 17));
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(kontext.Address, $"/api/v1/integrations/{id}/connection"))
        {
            Content = new StringContent("""{"token":"upstream-secret-1"}""", System.Text.Encoding.UTF8, "application/json"),
        };
        request.Headers.Authorization = new System.Net.Http.Headers.AuthenticationHeaderValue("Bearer", token);
        using var client = new HttpClient();
        using var throttled = await client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, throttled.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(17), throttled.Headers.RetryAfter?.Delta);

        await standIn.StopAsync();
        var gone = await agent.ApiAsync(HttpMethod.Post, $"/integrations/{id}/connection", token, new JsonObject { ["token"] = "upstream-secret-1" });
        Assert.Equal(HttpStatusCode.ServiceUnavailable, gone.Status);
        Assert.DoesNotContain("acme-kv", gone.Json!.ToJsonString(), StringComparison.Ordinal);
        Assert.DoesNotContain("upstream-secret", gone.Json!.ToJsonString(), StringComparison.Ordinal);
    }

    private async Task<string> ConnectAsync(TestAgent agent, string token)
    {
        var id = await AddServiceAsync(agent, token);
        var connected = await agent.ApiAsync(HttpMethod.Post, $"/integrations/{id}/connection", token, new JsonObject { ["token"] = "upstream-secret-1" });
        Assert.Equal(HttpStatusCode.OK, connected.Status);
        return id;
    }

    private async Task<string> AddServiceAsync(TestAgent agent, string token)
    {
        var added = await agent.ApiAsync(HttpMethod.Post, "/integrations", token, new JsonObject { ["name"] = "tracker", ["url"] = service.Url.AbsoluteUri, ["authMode"] = "user_token" });
        Assert.Equal(HttpStatusCode.Created, added.Status);
        return (string)added.Json!["integration"]!["id"]!;
    }
}
