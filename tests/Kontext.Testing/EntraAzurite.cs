using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kontext.Testing;

/// <summary>Storage as it is in Azure: https, and tokens of a managed identity instead of an account key. Azurite with a certificate made here, and the identity endpoint
/// that App Service and Functions give a program (api-version 2019-08-01).</summary>
public sealed class EntraAzurite : IAsyncDisposable
{
    private const string Account = "acme";
    private static readonly TimeSpan TokenLife = TimeSpan.FromHours(24);

    private readonly AzuriteProcess azurite;
    private readonly WebApplication identity;
    private readonly string folder;
    private readonly ConcurrentQueue<string> resources = new();
    private readonly string header = Guid.NewGuid().ToString();

    private EntraAzurite(AzuriteProcess azurite, WebApplication identity, string folder)
    {
        (this.azurite, this.identity, this.folder) = (azurite, identity, folder);
        identity.MapGet("/msi/token", Token);
    }

    /// <summary>The https address of the table service.</summary>
    public string Tables => AddressOf("Table");

    /// <summary>What tokens were asked for.</summary>
    public IReadOnlyCollection<string> Resources => resources;

    /// <summary>The environment of a program with this identity: no key, no connection string.</summary>
    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>
    {
        ["SSL_CERT_FILE"] = Path.Combine(folder, "cert.pem"),
        ["IDENTITY_ENDPOINT"] = identity.Urls.First() + "/msi/token",
        ["IDENTITY_HEADER"] = header,
        ["KontextQueue__queueServiceUri"] = AddressOf("Queue"),
    };

    /// <summary>Starts both.</summary>
    public static async Task<EntraAzurite> StartAsync()
    {
        var folder = Directory.CreateTempSubdirectory("kontext-azurite-").FullName;
        WriteCertificate(folder);
        var azurite = await AzuriteProcess.StartAsync(
            $"{Account}:{Convert.ToBase64String(RandomNumberGenerator.GetBytes(64))}",
            "--oauth", "basic", "--cert", Path.Combine(folder, "cert.pem"), "--key", Path.Combine(folder, "key.pem"));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var both = new EntraAzurite(azurite, builder.Build(), folder);
        await both.identity.StartAsync();
        return both;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await identity.DisposeAsync();
        await azurite.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    private string AddressOf(string service) => azurite.Endpoints.Single(endpoint => endpoint.StartsWith(service, StringComparison.Ordinal)).Split('=')[1] + "/" + Account;

    private async Task Token(HttpContext context)
    {
        var resource = (string?)context.Request.Query["resource"];
        if (context.Request.Headers["X-IDENTITY-HEADER"] != header || resource is null || context.Request.Query["api-version"] != "2019-08-01")
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            return;
        }
        resources.Enqueue(resource);
        var now = TimeProvider.System.GetUtcNow();
        var ends = now + TokenLife;
        var answer = new JsonObject
        {
            ["access_token"] = Jwt(resource, now, ends),
            ["expires_on"] = ends.ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture),
            ["resource"] = resource,
            ["token_type"] = "Bearer",
            ["client_id"] = "00000000-0000-0000-0000-000000000001",
        };
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(answer.ToJsonString());
    }

    /// <summary>Azurite looks at issuer, audience and times, and cannot check a signature. This one has one all the same.</summary>
    private static string Jwt(string resource, DateTimeOffset now, DateTimeOffset ends)
    {
        var text = Part(new JsonObject { ["alg"] = "HS256", ["typ"] = "JWT" }) + "." + Part(new JsonObject
        {
            ["iss"] = "https://sts.windows.net/72f988bf-86f1-41af-91ab-2d7cd011db47/",
            ["aud"] = resource,
            ["iat"] = now.AddMinutes(-1).ToUnixTimeSeconds(),
            ["nbf"] = now.AddMinutes(-1).ToUnixTimeSeconds(),
            ["exp"] = ends.ToUnixTimeSeconds(),
        });
        return text + "." + Base64Url.EncodeToString(HMACSHA256.HashData(RandomNumberGenerator.GetBytes(32), Encoding.ASCII.GetBytes(text)));
    }

    private static string Part(JsonObject part) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(part.ToJsonString()));

    private static void WriteCertificate(string folder)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
        File.WriteAllText(Path.Combine(folder, "cert.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(folder, "key.pem"), key.ExportPkcs8PrivateKeyPem());
    }
}
