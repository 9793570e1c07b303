using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Functions.Cloud;
using Kontext.Functions.Commands;
using Kontext.Functions.Storage;
using Kontext.Functions.Tests.Mcp;
using Kontext.Functions.Tests.OAuth;
using Kontext.Testing;
using Kontext.Testing.KeyVaultApi;
using Microsoft.Extensions.DependencyInjection;

namespace Kontext.Functions.Tests.Cloud;

/// <summary>The command <c>vault abandon</c>: an installation whose key vault is gone for good starts again on another one.</summary>
public sealed class VaultAbandonCommandTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private const string Lost = "lost-kv";
    private const string Next = "next-kv";

    private readonly StringWriter output = new();
    private readonly StringWriter error = new();
    private readonly string folder = Directory.CreateTempSubdirectory("kontext-export-").FullName;
    private KeyVaultStandIn standIn = null!;
    private McpServerDouble service = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        standIn = await KeyVaultStandIn.StartAsync();
        service = await McpServerDouble.StartAsync(modern: true);
    }

    public async ValueTask DisposeAsync()
    {
        await output.DisposeAsync();
        await error.DisposeAsync();
        await service.DisposeAsync();
        await standIn.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("envelope", Next)]
    [InlineData("keyvault", Next)]
    // A vault that was purged, and made anew under its name.
    [InlineData("envelope", Lost)]
    [InlineData("keyvault", Lost)]
    public async Task After_its_vault_is_lost_people_sign_in_and_connect_again_and_the_trail_of_before_and_after_verifies(string credentials, string next)
    {
        var storage = await azurite.EmptyAccountAsync();
        Uri address;
        string id, oldToken, oldRefresh;
        await using (var before = new KeyVaultKontext(standIn, credentials, Lost, storage))
        {
            before.StartServer();
            address = before.Address;
            var person = new TestAgent(address);
            oldToken = await person.ManagementTokenAsync("olivia");
            var added = await person.ApiAsync(HttpMethod.Post, "/integrations", oldToken, new JsonObject { ["name"] = "tracker", ["url"] = service.Url.AbsoluteUri, ["authMode"] = "user_token" });
            id = (string)added.Json!["integration"]!["id"]!;
            Assert.Equal(HttpStatusCode.OK, (await ConnectAsync(person, oldToken, id)).Status);
            oldRefresh = await RefreshTokenAsync(person);
            Assert.Equal(HttpStatusCode.OK, (await RefreshAsync(person, oldRefresh)).Status);
            Assert.True(await before.Services.GetRequiredService<AuditSeal>().RunAsync(Cancelled) > 0);
        }
        var oldKey = (string)Jwt.Header(oldToken)["kid"]!;

        await standIn.DisposeAsync();
        standIn = await KeyVaultStandIn.StartAsync();
        Assert.Equal(CommandLine.Ok, await AbandonAsync(credentials, storage, next));
        Assert.Empty(error.ToString());
        Assert.Contains("1 signing keys cut off", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("1 connections ended", output.ToString(), StringComparison.Ordinal);
        // Once is enough.
        Assert.Equal(CommandLine.NotTried, await AbandonAsync(credentials, storage, next));
        Assert.Contains("Nothing is lost", error.ToString(), StringComparison.Ordinal);

        await using var after = new KeyVaultKontext(standIn, credentials, next, storage, address);
        after.StartServer();
        var agent = new TestAgent(address);
        Assert.Equal(HttpStatusCode.Unauthorized, (await agent.ApiAsync(HttpMethod.Get, "/integrations", oldToken)).Status);
        Assert.Equal("invalid_grant", (await RefreshAsync(agent, oldRefresh))["error"]);
        var token = await agent.ManagementTokenAsync("olivia");
        Assert.NotEqual(oldKey, (string?)Jwt.Header(token)["kid"]);
        Assert.Equal(HttpStatusCode.OK, (await RefreshAsync(agent, await RefreshTokenAsync(agent))).Status);

        var ended = (await agent.ApiAsync(HttpMethod.Get, $"/integrations/{id}/connection", token)).Json!["connection"]!;
        Assert.Equal(("disconnected", "credential_missing"), ((string?)ended["status"], (string?)ended["reasonCode"]));
        Assert.Contains("was lost", (string?)ended["reason"], StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await ConnectAsync(agent, token, id)).Status);
        Assert.Equal("connected", (string?)(await agent.ApiAsync(HttpMethod.Get, $"/integrations/{id}/connection", token)).Json!["connection"]!["status"]);

        var recorded = (await agent.ApiAsync(HttpMethod.Get, "/audit/events?limit=200", token)).Json!["items"]!.AsArray().Select(item => (string?)item!["capability"]).ToList();
        Assert.Contains("vault.abandoned", recorded);
        Assert.Contains("signing_key.revoked", recorded);
        Assert.True(await after.Services.GetRequiredService<AuditSeal>().RunAsync(Cancelled) > 0);
        var verified = await VerifyAsync(after, token);
        Assert.Contains("VERIFIED", verified, StringComparison.Ordinal);
        var signedBy = verified.Split('\n').Single(line => line.StartsWith("signed by", StringComparison.Ordinal));
        Assert.Contains(oldKey, signedBy, StringComparison.Ordinal);
        Assert.Contains((string)Jwt.Header(token)["kid"]!, signedBy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("envelope")]
    [InlineData("keyvault")]
    public async Task A_vault_that_gives_out_what_it_holds_is_not_given_up(string credentials)
    {
        await using var services = Open(Settings(credentials, "memory", Lost), Lost);
        var org = await WithOrganizationAsync(services);
        var vault = services.GetRequiredService<ICredentialVault>();
        var version = await vault.PutAsync(org, KeyVaultWorld.Name, new Secret("canary-canary"), Cancelled);
        Assert.Equal(CommandLine.NotTried, await VaultAbandonCommand.RunAsync(Lost, agreed: true, Settings(credentials, "memory", Lost), services, output, error, Cancelled));
        Assert.Contains("it gives out what it holds", error.ToString(), StringComparison.Ordinal);
        Assert.Equal("canary-canary", (await vault.GetAsync(org, KeyVaultWorld.Name, version, Cancelled))?.Reveal());
    }

    [Fact]
    public async Task What_was_in_another_vault_stays_as_it_is()
    {
        await using var services = Open(Settings("keyvault", "memory"));
        var org = await WithOrganizationAsync(services);
        var vault = services.GetRequiredService<ICredentialVault>();
        var version = await vault.PutAsync(org, KeyVaultWorld.Name, new Secret("canary-canary"), Cancelled);
        Assert.Equal(CommandLine.NotTried, await VaultAbandonCommand.RunAsync(Lost, agreed: true, Settings("keyvault", "memory"), services, output, error, Cancelled));
        Assert.Contains($"Nothing is lost with key vault {Lost}", error.ToString(), StringComparison.Ordinal);
        Assert.Equal("canary-canary", (await vault.GetAsync(org, KeyVaultWorld.Name, version, Cancelled))?.Reveal());
    }

    [Fact]
    public async Task Nothing_is_done_before_somebody_agrees()
    {
        await using var services = Open(Settings("keyvault", "memory"));
        Assert.Equal(CommandLine.NotTried, await VaultAbandonCommand.RunAsync(Lost, agreed: false, Settings("keyvault", "memory"), services, output, error, Cancelled));
        Assert.Contains("--yes", error.ToString(), StringComparison.Ordinal);
        Assert.Empty(standIn.Requests);
    }

    [Fact]
    public async Task Nothing_is_given_up_while_the_vaults_in_the_settings_do_not_answer()
    {
        await using var services = Open(Settings("keyvault", "memory"));
        await WithOrganizationAsync(services);
        await standIn.StopAsync();
        Assert.Equal(CommandLine.NotTried, await VaultAbandonCommand.RunAsync(Lost, agreed: true, Settings("keyvault", "memory"), services, output, error, Cancelled));
        Assert.Contains($"Key vault {Next} did not answer", error.ToString(), StringComparison.Ordinal);
    }

    private async Task<int> AbandonAsync(string credentials, string storage, string next)
    {
        await using var services = Open(Settings(credentials, storage, next), next);
        return await VaultAbandonCommand.RunAsync(Lost, agreed: true, Settings(credentials, storage, next), services, output, error, Cancelled);
    }

    private static async Task<OrgId> WithOrganizationAsync(ServiceProvider services)
    {
        var org = Ids.New<OrgId>(DateTimeOffset.UnixEpoch);
        await services.GetRequiredService<IOrganizationStore>().InsertAsync(
            new Organization { Id = org, Slug = "dev", Name = "dev", DynamicRegistration = false, CreatedAt = DateTimeOffset.UnixEpoch }, Cancelled);
        return org;
    }

    private static Task<JsonAnswer> ConnectAsync(TestAgent agent, string token, string integration) =>
        agent.ApiAsync(HttpMethod.Post, $"/integrations/{integration}/connection", token, new JsonObject { ["token"] = "upstream-secret-1" });

    private static async Task<string> RefreshTokenAsync(TestAgent agent)
    {
        using var browser = new FormBrowser();
        return (await agent.AuthorizeAsync(browser, TestAgent.CommandLineClient, "olivia", agent.Gateway))["refresh_token"]!;
    }

    private static Task<JsonAnswer> RefreshAsync(TestAgent agent, string refreshToken) =>
        agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = TestAgent.CommandLineClient, ["refresh_token"] = refreshToken });

    /// <summary>What the offline check says of an export of all that was recorded.</summary>
    private async Task<string> VerifyAsync(KeyVaultKontext kontext, string token)
    {
        var now = TimeProvider.System.GetUtcNow();
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(
            HttpMethod.Get, new Uri(kontext.Address, string.Create(CultureInfo.InvariantCulture, $"/api/v1/audit/export?from={now.AddHours(-1):yyyy-MM-dd}&to={now:yyyy-MM-dd}")));
        request.Headers.Authorization = new("Bearer", token);
        using var answer = await client.SendAsync(request, Cancelled);
        answer.EnsureSuccessStatusCode();
        var file = Path.Combine(folder, "export");
        await File.WriteAllBytesAsync(file, await answer.Content.ReadAsByteArrayAsync(Cancelled), Cancelled);
        using var said = new StringWriter();
        AuditVerifyCommand.Run(file, null, said, said);
        return said.ToString();
    }

    private ServiceProvider Open(KontextSettings settings, string vault = Next) => VaultAbandonCommand.Services(settings).AddSingleton(standIn.Open(vault)).BuildServiceProvider();

    private static KontextSettings Settings(string credentials, string storage, string vault = Next) => new()
    {
        PublicUrl = new Uri("https://kontext.example.com"), Storage = storage, KeyDirectory = null, Organization = "dev", Development = false, AllowPrivateUpstreams = false,
        KeyVault = new KeyVaultSettings([new Uri($"https://{vault}.vault.azure.net")], credentials == "envelope" ? CredentialForm.Envelope : CredentialForm.KeyVault),
    };
}
