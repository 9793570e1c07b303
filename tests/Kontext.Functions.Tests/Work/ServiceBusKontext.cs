using System.Globalization;
using Azure.Core.Pipeline;
using Kontext.Functions.Cloud;
using Kontext.Testing;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;

namespace Kontext.Functions.Tests.Work;

/// <summary>The product in this process as the Functions host starts it, with a Service Bus namespace in its settings, which is the stand-in.</summary>
internal sealed class ServiceBusKontext : WebApplicationFactory<Program>
{
    public const string Host = "acme.servicebus.windows.net";

    private readonly string keys = Directory.CreateTempSubdirectory("kontext-keys-").FullName;
    private readonly int port = KontextServer.FreePort();

    public ServiceBusKontext() => UseKestrel();

    public ServiceBusApi Bus { get; } = new(Host, "kontext-work", "token for https://servicebus.azure.net/.default");

    public Uri Address => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));

    protected override void ConfigureWebHost(IWebHostBuilder builder) => builder
        .UseEnvironment("Development").UseUrls(Address.OriginalString)
        .UseSetting("FUNCTIONS_CUSTOMHANDLER_PORT", port.ToString(CultureInfo.InvariantCulture))
        .UseSetting("Kontext:Storage", "memory").UseSetting("Kontext:KeyDirectory", keys).UseSetting("Kontext:PublicUrl", Address.OriginalString)
        .UseSetting("KontextServiceBus:fullyQualifiedNamespace", Host)
        // Only what is beneath the client differs from the program's own.
        .ConfigureTestServices(services => services.AddSingleton(provider => new ServiceBusSender(
            provider.GetRequiredService<KontextSettings>().Work.ServiceBus!, new NamedToken(), new HttpClientTransport(Bus), TimeSpan.FromMilliseconds(1), provider.GetRequiredService<TimeProvider>())));

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Bus.Dispose();
        Directory.Delete(keys, recursive: true);
    }
}
