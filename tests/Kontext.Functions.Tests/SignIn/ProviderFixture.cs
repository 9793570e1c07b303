using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Functions.Tests.SignIn;

/// <summary>The product with a sign-in provider, and the provider. Olivia is named as administrator by her mail address, Sam by his subject.</summary>
public sealed class ProviderFixture : IAsyncLifetime
{
    private readonly DirectoryInfo keys = Directory.CreateTempSubdirectory("kontext-keys-");

    public UpstreamIdp Provider { get; private set; } = null!;

    public KontextServer Server { get; private set; } = null!;

    public TestAgent Agent { get; private set; } = null!;

    public static Dictionary<string, string> Settings(string issuer) => new()
    {
        ["Kontext__SignIn__Issuer"] = issuer,
        ["Kontext__SignIn__ClientId"] = "vault-client",
        ["Kontext__SignIn__ClientSecret"] = "vault-secret",
        ["Kontext__SignIn__Administrators"] = "Olivia@Example.test, sam",
        ["Kontext__SignIn__RequiredClaims"] = "suspended=false",
    };

    public async ValueTask InitializeAsync()
    {
        Provider = await UpstreamIdp.StartAsync(("AUTO_APPROVE", "0"));
        await Provider.ConfigureAsync(new JsonObject { ["endSession"] = true, ["idTokenClaims"] = Employed() });
        Server = await KontextServer.StartAsync("memory", keys.FullName, settings: Settings(Provider.Issuer));
        Agent = new TestAgent(Server.Url);
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await Provider.DisposeAsync();
        keys.Delete(recursive: true);
    }

    /// <summary>Honest ID tokens again.</summary>
    public Task HonestAsync() => Provider.ConfigureAsync(new JsonObject { ["idTokenClaims"] = Employed(), ["idTokenHeader"] = new JsonObject(), ["idTokenAlg"] = "RS256", ["idTokenKey"] = "current" });

    /// <summary>What the provider says of everybody besides.</summary>
    public static JsonObject Employed() => new() { ["suspended"] = false };

    /// <summary>Opens an address that needs a sign-in, signs in at the provider and allows it there; gives the page that comes then.</summary>
    public Task<BrowserPage> SignInAsync(FormBrowser browser, string user, Uri? start = null, Func<Uri, bool>? stopBefore = null) =>
        SignInAsync(browser, user, start ?? new Uri(Server.Url, "/login?return_to=%2F"), Provider, stopBefore);

    /// <summary>The same at another provider.</summary>
    public static async Task<BrowserPage> SignInAsync(FormBrowser browser, string user, Uri start, UpstreamIdp provider, Func<Uri, bool>? stopBefore = null, string decision = "Allow")
    {
        var page = await browser.OpenAsync(start, stopBefore);
        if (AtProvider(page, provider) && page.Document.QuerySelector("input[name=username]") is not null)
            page = await browser.SubmitAsync(page, "Sign in", new Dictionary<string, string> { ["username"] = user, ["password"] = user }, stopBefore);
        if (page.Location is null && AtProvider(page, provider))
            page = await browser.SubmitAsync(page, decision, null, stopBefore);
        return page;
    }

    /// <summary>A management token of a person, who signs in at the provider.</summary>
    public async Task<string> ManagementTokenAsync(string user)
    {
        using var browser = new FormBrowser();
        await SignInAsync(browser, user);
        return (await Agent.AuthorizeAsync(browser, TestAgent.CommandLineClient, user, Agent.Api, "openid management:all"))["access_token"]!;
    }

    private static bool AtProvider(BrowserPage page, UpstreamIdp provider) => page.Url.AbsoluteUri.StartsWith(provider.Issuer, StringComparison.Ordinal);
}
