using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Kontext.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>An https server on loopback where clients publish their metadata documents and keys. Its certificate is its own.</summary>
internal sealed class DocumentHost : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ConcurrentDictionary<string, RequestDelegate> answers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> hits = new(StringComparer.Ordinal);
    private int published;

    private DocumentHost(WebApplication app, X509Certificate2 certificate) => (this.app, Certificate) = (app, certificate);

    public X509Certificate2 Certificate { get; }

    private string Origin => app.Urls.First().Replace("127.0.0.1", "localhost", StringComparison.Ordinal);

    public static async Task<DocumentHost> StartAsync()
    {
        var certificate = SelfSigned();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate)));
        var app = builder.Build();
        var host = new DocumentHost(app, certificate);
        app.Run(host.AnswerAsync);
        await app.StartAsync();
        return host;
    }

    /// <summary>An address of its own for a document; nothing is there yet.</summary>
    public string NewAddress() => $"{Origin}/clients/{Interlocked.Increment(ref published)}.json";

    /// <summary>What a well-behaved public client says about itself.</summary>
    public static JsonObject Document(string url) => new()
    {
        ["client_id"] = url,
        ["client_name"] = "Documented agent",
        ["redirect_uris"] = new JsonArray(TestAgent.RedirectUri),
        ["grant_types"] = new JsonArray("authorization_code", "refresh_token"),
        ["token_endpoint_auth_method"] = "none",
    };

    public void Publish(string url, JsonNode document, string? cacheControl = null) => Publish(url, document.ToJsonString(), cacheControl: cacheControl);

    public void Publish(string url, string body, string contentType = "application/json", int status = 200, string? cacheControl = null) => answers[new Uri(url).AbsolutePath] = async context =>
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = contentType;
        if (cacheControl is not null)
            context.Response.Headers.CacheControl = cacheControl;
        await context.Response.WriteAsync(body);
    };

    public void Redirect(string url, string target) => answers[new Uri(url).AbsolutePath] = context =>
    {
        context.Response.Redirect(target);
        return Task.CompletedTask;
    };

    /// <summary>How often somebody asked for it.</summary>
    public int Hits(string url) => hits.GetValueOrDefault(new Uri(url).AbsolutePath);

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        Certificate.Dispose();
    }

    private Task AnswerAsync(HttpContext context)
    {
        hits.AddOrUpdate(context.Request.Path, 1, (_, count) => count + 1);
        if (answers.TryGetValue(context.Request.Path, out var answer))
            return answer(context);
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }

    private static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        return request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
    }
}

/// <summary>The product, trusting the certificate of a host of client documents.</summary>
public sealed class DocumentClientFixture : IAsyncLifetime
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("kontext-documents-");

    internal DocumentHost Host { get; private set; } = null!;

    public KontextServer Server { get; private set; } = null!;

    public TestAgent Agent { get; private set; } = null!;

    /// <summary>The management token of who signed in first.</summary>
    public string OwnerToken { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        Host = await DocumentHost.StartAsync();
        var trusted = Path.Combine(folder.FullName, "trusted.pem");
        await File.WriteAllTextAsync(trusted, Host.Certificate.ExportCertificatePem());
        Server = await KontextServer.StartAsync("memory", Path.Combine(folder.FullName, "keys"), settings: new Dictionary<string, string> { ["SSL_CERT_FILE"] = trusted });
        Agent = new TestAgent(Server.Url);
        OwnerToken = await Agent.ManagementTokenAsync(KontextFixture.Owner);
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await Host.DisposeAsync();
        folder.Delete(recursive: true);
    }
}

/// <summary>Tests that share the product and the host of client documents.</summary>
[CollectionDefinition(Name)]
public sealed class DocumentClients : ICollectionFixture<DocumentClientFixture>
{
    public const string Name = "client documents";
}
