using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.SignIn;

/// <summary>Providers that are down, slow, or not what the settings say: told in words, and over when the trouble is over.</summary>
public sealed class ProviderTroubleTests : IAsyncLifetime
{
    private readonly DirectoryInfo keys = Directory.CreateTempSubdirectory("kontext-keys-");
    private UpstreamIdp provider = null!;

    public async ValueTask InitializeAsync() => provider = await UpstreamIdp.StartAsync(("AUTO_APPROVE", "0"));

    public async ValueTask DisposeAsync()
    {
        await provider.DisposeAsync();
        keys.Delete(recursive: true);
    }

    [Fact]
    public async Task A_provider_that_is_down_is_said_in_words()
    {
        await using var server = await StartAsync($"http://127.0.0.1:{KontextServer.FreePort()}");
        await RefusedAsync(server, HttpStatusCode.ServiceUnavailable, "cannot be reached right now");
    }

    [Theory]
    [InlineData("unavailable")]
    [InlineData("html_200")]
    [InlineData("redirect")]
    [InlineData("malformed")]
    [InlineData("big")]
    [InlineData("hang")]
    public async Task A_discovery_document_that_does_not_come_is_said_in_words_and_asked_for_again(string mode)
    {
        await using var server = await StartAsync(provider.Issuer);
        await provider.FaultAsync("metadata", mode);
        await RefusedAsync(server, HttpStatusCode.ServiceUnavailable, "cannot be reached right now");
        using var browser = new FormBrowser();
        Assert.StartsWith(provider.Issuer, (await browser.OpenAsync(new Uri(server.Url, "/login"))).Url.AbsoluteUri, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_discovery_document_of_another_issuer_is_refused_and_the_log_names_it()
    {
        await using var server = await StartAsync(provider.Issuer);
        await provider.ConfigureAsync(new JsonObject { ["issuer"] = "https://another.example" });
        await RefusedAsync(server, HttpStatusCode.ServiceUnavailable, "Kontext__SignIn__Issuer");
        Assert.Contains("https://another.example", server.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hang")]
    [InlineData("server_error")]
    public async Task Keys_that_do_not_come_sign_nobody_in(string mode)
    {
        await using var server = await StartAsync(provider.Issuer);
        await provider.FaultAsync("jwks", mode);
        using var browser = new FormBrowser();
        var page = await ProviderFixture.SignInAsync(browser, "alice", new Uri(server.Url, "/login"), provider);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "/login/callback"), (page.Status, page.Url.AbsolutePath));
        Assert.Contains("Signed in as alice", (await ProviderFixture.SignInAsync(browser, "alice", new Uri(server.Url, "/login"), provider)).Text, StringComparison.Ordinal);
    }

    private static async Task RefusedAsync(KontextServer server, HttpStatusCode status, string words)
    {
        using var browser = new FormBrowser();
        var page = await browser.OpenAsync(new Uri(server.Url, "/login"));
        Assert.Equal(status, page.Status);
        Assert.Contains(words, page.Text, StringComparison.Ordinal);
    }

    private Task<KontextServer> StartAsync(string issuer) => KontextServer.StartAsync("memory", keys.FullName, settings: SignInSettingsTests.Production(issuer));
}
