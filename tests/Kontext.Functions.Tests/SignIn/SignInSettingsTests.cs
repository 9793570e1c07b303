using System.Net;
using Kontext.Testing;
using Microsoft.Extensions.Configuration;

namespace Kontext.Functions.Tests.SignIn;

/// <summary>The settings of sign-in: what is missing or wrong is named, and stops the start.</summary>
public sealed class SignInSettingsTests
{
    [Theory]
    [InlineData("Issuer", "", "Kontext__SignIn__Issuer")]
    [InlineData("Issuer", "idp.example", "Kontext__SignIn__Issuer")]
    [InlineData("Issuer", "http://idp.example", "Kontext__SignIn__Issuer")]
    [InlineData("Issuer", "https://idp.example?x=1", "Kontext__SignIn__Issuer")]
    [InlineData("ClientId", "", "Kontext__SignIn__ClientId")]
    [InlineData("Scopes", "profile email", "Kontext__SignIn__Scopes")]
    [InlineData("Issuer", "https://user:pass@idp.example", "Kontext__SignIn__Issuer")]
    [InlineData("Issuer", "https://login.microsoftonline.com/common/v2.0", "Kontext__SignIn__Issuer has to name one tenant")]
    [InlineData("Issuer", "https://login.microsoftonline.com/organizations/v2.0", "Kontext__SignIn__Issuer has to name one tenant")]
    [InlineData("Issuer", "https://login.microsoftonline.com/contoso.onmicrosoft.com/v2.0", "Kontext__SignIn__Issuer has to name one tenant")]
    [InlineData("Issuer", "https://login.microsoftonline.com/{tenantid}/v2.0", "Kontext__SignIn__Issuer has to name one tenant")]
    [InlineData("Issuer", "https://accounts.google.com", "Kontext__SignIn__RequiredClaims")]
    [InlineData("RoleMap", "admins", "Kontext__SignIn__RoleMap")]
    [InlineData("RequiredClaims", "hd=", "Kontext__SignIn__RequiredClaims")]
    [InlineData("Admins", "ada@example.test", "Kontext__SignIn__Admins is no setting")]
    public void A_setting_that_is_missing_or_wrong_is_named(string name, string value, string named)
    {
        var refused = Assert.Throws<InvalidSettingException>(() => Read(development: true, (name, value)));
        Assert.StartsWith(named, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_set_has_its_default()
    {
        var settings = Read(development: false, ("Administrators", " ada@example.test , s-1 ,")).SignIn!;
        Assert.Equal(("https://idp.example", "kontext", "openid profile email", "roles"), (settings.Issuer, settings.ClientId, settings.Scopes, settings.RolesClaim));
        Assert.Null(settings.ClientSecret);
        Assert.Equal(["ada@example.test", "s-1"], settings.Administrators);
        Assert.Empty(settings.RoleMap);
    }

    [Fact]
    public void One_tenant_of_Entra_ID_and_Google_with_a_domain_are_accepted()
    {
        const string tenant = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0";
        Assert.Equal(tenant, Read(development: false, ("Issuer", tenant)).SignIn!.Issuer);
        var google = Read(development: false, ("Issuer", "https://accounts.google.com"), ("RequiredClaims", "hd=example.com")).SignIn!;
        Assert.Equal(KeyValuePair.Create("hd", "example.com"), Assert.Single(google.RequiredClaims));
    }

    [Fact]
    public void A_secret_is_not_printed() => Assert.DoesNotContain("hunter2", Read(development: true, ("ClientSecret", "hunter2")).ToString(), StringComparison.Ordinal);

    [Fact]
    public async Task Outside_development_there_is_no_start_without_a_provider()
    {
        var keys = Directory.CreateTempSubdirectory("kontext-keys-");
        var settings = new Dictionary<string, string> { ["ASPNETCORE_ENVIRONMENT"] = "Production", ["Kontext__Organization"] = "acme" };
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => KontextServer.StartAsync("memory", keys.FullName, settings: settings));
        Assert.Contains("Kontext__SignIn__Issuer is missing", refused.Message, StringComparison.Ordinal);
        keys.Delete(recursive: true);
    }

    [Fact]
    public async Task In_production_people_sign_in_through_the_provider_and_in_no_other_way()
    {
        var keys = Directory.CreateTempSubdirectory("kontext-keys-");
        await using var provider = await UpstreamIdp.StartAsync(("AUTO_APPROVE", "0"));
        await using (var server = await KontextServer.StartAsync("memory", keys.FullName, settings: Production(provider.Issuer)))
        {
            using var browser = new FormBrowser();
            var home = await ProviderFixture.SignInAsync(browser, "alice", new Uri(server.Url, "/login?return_to=%2F"), provider);
            Assert.Contains("Signed in as alice", home.Text, StringComparison.Ordinal);
            using var posted = await server.Http.PostAsync(new Uri("/login", UriKind.Relative), new FormUrlEncodedContent(new Dictionary<string, string> { ["username"] = "alice" }));
            Assert.Equal(HttpStatusCode.MethodNotAllowed, posted.StatusCode);
        }
        keys.Delete(recursive: true);
    }

    internal static Dictionary<string, string> Production(string issuer) => new(ProviderFixture.Settings(issuer))
    {
        ["ASPNETCORE_ENVIRONMENT"] = "Production", ["Kontext__Organization"] = "acme", ["Kontext__AllowPrivateUpstreams"] = "true", ["Kontext__SignIn__RequiredClaims"] = "",
    };

    private static KontextSettings Read(bool development, params (string Name, string Value)[] more)
    {
        var values = new Dictionary<string, string?>
        {
            ["Kontext:PublicUrl"] = "https://kontext.example", ["Kontext:Storage"] = "memory", ["Kontext:KeyDirectory"] = "keys", ["Kontext:Organization"] = "acme",
            ["Kontext:SignIn:Issuer"] = "https://idp.example", ["Kontext:SignIn:ClientId"] = "kontext",
        };
        foreach (var (name, value) in more)
            values["Kontext:SignIn:" + name] = value;
        return KontextSettings.Read(new ConfigurationBuilder().AddInMemoryCollection(values).Build(), development);
    }
}
