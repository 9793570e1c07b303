using System.Globalization;
using Kontext.Functions.Cloud;
using Kontext.Testing;
using Kontext.Testing.KeyVaultApi;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;

namespace Kontext.Functions.Tests.Cloud;

/// <summary>The product in this process with a key vault in its settings, which is the stand-in, and without a folder for keys.</summary>
internal sealed class KeyVaultKontext : WebApplicationFactory<Program>
{
    private readonly KeyVaultStandIn standIn;
    private readonly string credentials;
    private readonly string vault;
    private readonly string storage;

    /// <summary>Over a vault and a storage; <paramref name="address"/> is that of one that ended and comes back, and null for any.</summary>
    public KeyVaultKontext(KeyVaultStandIn standIn, string credentials, string vault = "acme-kv", string storage = "memory", Uri? address = null)
    {
        (this.standIn, this.credentials, this.vault, this.storage) = (standIn, credentials, vault, storage);
        Address = address ?? new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{KontextServer.FreePort()}"));
        UseKestrel();
    }

    public Uri Address { get; }

    protected override void ConfigureWebHost(IWebHostBuilder builder) => builder
        .UseEnvironment("Development").UseUrls(Address.OriginalString)
        .UseSetting("Kontext:Storage", storage).UseSetting("Kontext:PublicUrl", Address.OriginalString)
        .UseSetting("Kontext:KeyVault", $"https://{vault}.vault.azure.net").UseSetting("Kontext:Credentials", credentials)
        .ConfigureTestServices(services => services.AddSingleton<KeyVaults>(standIn.Open(vault)));
}
