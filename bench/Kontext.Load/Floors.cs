using System.Buffers.Text;
using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Kontext.Load;

/// <summary>
/// What this machine does at best: the smallest servers that do the part of the work which cannot be left out. Each runs in a process of its
/// own, as Kontext does, so that server and load share the machine in the same way.
/// </summary>
public static class Floors
{
    private const string Ready = "listening on ";

    /// <summary>Kestrel saying hello.</summary>
    public const string Kestrel = "floor-kestrel";

    /// <summary>Kestrel verifying one ES256 token and signing another per request: no token exchange can do less.</summary>
    public const string Es256 = "floor-es256";

    /// <summary>Serves a floor until the process is killed.</summary>
    public static async Task ServeAsync(string floor)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPAddress.Loopback, 0);
        });
        await using var app = builder.Build();
        var token = "";
        using var tokens = new Es256Tokens();
        if (floor == Es256)
        {
            token = tokens.Sign("subject");
            app.Run(context => ExchangeAsync(context, tokens));
        }
        else
        {
            app.Run(context => context.Response.WriteAsync("hello"));
        }
        await app.StartAsync();
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        Console.WriteLine($"{Ready}{address} {token}");
        await app.WaitForShutdownAsync();
    }

    /// <summary>A floor as a side of a comparison: started, loaded and stopped in each pass.</summary>
    public static Side SideOf(string floor) => new(floor, (connections, duration) => RunAsync(floor, connections, duration));

    /// <summary>Starts a floor's server, loads it, and stops it.</summary>
    public static async Task<LoadResult> RunAsync(string floor, int connections, TimeSpan duration)
    {
        await using var server = await StartAsync(floor);
        var result = await LoadRun.RunAsync(floor == Es256 ? _ => Exchange(server.Address, server.Token) : _ => new HttpRequestMessage(HttpMethod.Get, server.Address), connections, duration);
        return result with { Name = floor, ResidentBytes = ServerMemory.Resident(server.ProcessId) };
    }

    /// <summary>Starts a floor's server.</summary>
    public static async Task<FloorServer> StartAsync(string floor)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(Floors).Assembly.Location);
        start.ArgumentList.Add("serve");
        start.ArgumentList.Add(floor);
        var server = Process.Start(start)!;
        var line = await server.StandardOutput.ReadLineAsync();
        if (line is null || !line.StartsWith(Ready, StringComparison.Ordinal))
            throw new InvalidOperationException($"The server of {floor} did not start.");
        var parts = line[Ready.Length..].Split(' ');
        return new FloorServer(server, new Uri(parts[0]), parts[1]);
    }

    private static HttpRequestMessage Exchange(Uri address, string token)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, address);
        request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token}");
        return request;
    }

    private static Task ExchangeAsync(HttpContext context, Es256Tokens tokens)
    {
        var header = context.Request.Headers.Authorization.ToString();
        if (!header.StartsWith("Bearer ", StringComparison.Ordinal) || tokens.Subject(header["Bearer ".Length..]) is not { } subject)
        {
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return Task.CompletedTask;
        }
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync($$"""{"access_token":"{{tokens.Sign(subject)}}","token_type":"Bearer","expires_in":600}""");
    }

    /// <summary>JSON Web Tokens with ES256 and nothing around them (RFC 7515).</summary>
    private sealed class Es256Tokens : IDisposable
    {
        private static readonly string Header = Base64Url.EncodeToString("""{"alg":"ES256","typ":"at+jwt"}"""u8);
        private readonly ECParameters key;
        private readonly ThreadLocal<ECDsa> keys;

        public Es256Tokens()
        {
            using var made = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            key = made.ExportParameters(includePrivateParameters: true);
            // A key object may be used by one thread at a time only.
            keys = new ThreadLocal<ECDsa>(() => ECDsa.Create(key));
        }

        public void Dispose() => keys.Dispose();

        public string Sign(string subject)
        {
            var expires = TimeProvider.System.GetUtcNow().AddHours(1).ToUnixTimeSeconds();
            var payload = Base64Url.EncodeToString(Encoding.UTF8.GetBytes($$"""{"iss":"http://localhost","sub":"{{subject}}","aud":"http://localhost/mcp","exp":{{expires}}}"""));
            var signature = keys.Value!.SignData(Encoding.ASCII.GetBytes($"{Header}.{payload}"), HashAlgorithmName.SHA256);
            return $"{Header}.{payload}.{Base64Url.EncodeToString(signature)}";
        }

        public string? Subject(string token)
        {
            var dot = token.LastIndexOf('.');
            var first = token.IndexOf('.', StringComparison.Ordinal);
            if (dot <= first || !keys.Value!.VerifyData(Encoding.ASCII.GetBytes(token[..dot]), Base64Url.DecodeFromChars(token.AsSpan(dot + 1)), HashAlgorithmName.SHA256))
                return null;
            using var payload = JsonDocument.Parse(Base64Url.DecodeFromChars(token.AsSpan(first + 1, dot - first - 1)));
            return payload.RootElement.GetProperty("exp").GetInt64() > TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() ? payload.RootElement.GetProperty("sub").GetString() : null;
        }
    }
}

/// <summary>A floor's server, which is killed when it is disposed.</summary>
/// <param name="process">Its process.</param>
/// <param name="address">Where it listens.</param>
/// <param name="token">A token it takes; empty when it wants none.</param>
public sealed class FloorServer(Process process, Uri address, string token) : IAsyncDisposable
{
    /// <summary>Where it listens.</summary>
    public Uri Address { get; } = address;

    /// <summary>A token it takes.</summary>
    public string Token { get; } = token;

    /// <summary>Its process.</summary>
    public int ProcessId => process.Id;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }
}
