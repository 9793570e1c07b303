using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Azure.Core.Pipeline;
using Kontext.Functions.Cloud;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Kontext.Testing.KeyVaultApi;

/// <summary>Key Vault's REST API for secrets on loopback, as far as the SDK's secret client uses it: challenge, versions, soft delete, purge protection, paging and throttling.
/// Any host name is a vault; the first request makes it. Errors have the service's own codes and words.</summary>
internal sealed class KeyVaultStandIn : IAsyncDisposable
{
    /// <summary>The tenant named in challenges.</summary>
    public const string Tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47";

    private readonly WebApplication app;
    private readonly ConcurrentDictionary<string, StandInVault> vaults = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentQueue<StandInFault> faults = new();
    private readonly ConcurrentQueue<string> requests = new();

    private KeyVaultStandIn()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        app = builder.Build();
        app.Run(AnswerAsync);
    }

    /// <summary>The answered requests so far, as method, path and status.</summary>
    public IReadOnlyCollection<string> Requests => requests;

    /// <summary>How many requests that came with a token begin like this, such as <c>PUT /secrets/</c>.</summary>
    public int Count(string beginning) => requests.Count(request => request.StartsWith(beginning, StringComparison.Ordinal) && !request.EndsWith(" 401", StringComparison.Ordinal));

    /// <summary>Starts it.</summary>
    public static async Task<KeyVaultStandIn> StartAsync()
    {
        var standIn = new KeyVaultStandIn();
        await standIn.app.StartAsync();
        return standIn;
    }

    /// <summary>The state of a vault, to look into or to set up.</summary>
    public StandInVault this[string name] => vaults.GetOrAdd($"{name}.vault.azure.net", host => new StandInVault(host));

    /// <summary>The vaults as the product opens them: by their real addresses, with the SDK's client, over a transport that leads here.</summary>
    public KeyVaults Open(params string[] names) => new(names.Select(name => new KeyVault(new Uri($"https://{name}.vault.azure.net"), new StandInCredential(), Transport())));

    /// <summary>A transport that brings every request here, whatever its host.</summary>
    public HttpPipelineTransport Transport() => new HttpClientTransport(new Redirect(Address));

    /// <summary>The coming requests that carry a token go wrong.</summary>
    public void Fail(StandInFault fault, int times = 1)
    {
        for (var time = 0; time < times; time++)
            faults.Enqueue(fault);
    }

    /// <summary>Ends it: from now on nobody answers.</summary>
    public Task StopAsync() => app.StopAsync();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => app.DisposeAsync();

    private Uri Address => new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    private async Task AnswerAsync(HttpContext context)
    {
        var answer = await DecideAsync(context);
        requests.Enqueue($"{context.Request.Method} {context.Request.Path} {answer?.Status ?? 0}");
        if (answer is null)
        {
            context.Abort();
            return;
        }
        context.Response.StatusCode = answer.Status;
        foreach (var (name, value) in answer.Headers)
            context.Response.Headers[name] = value;
        if (answer.Body is { } body)
        {
            context.Response.ContentType = "application/json; charset=utf-8";
            await context.Response.WriteAsync(body.ToJsonString());
        }
    }

    private async Task<StandInAnswer?> DecideAsync(HttpContext context)
    {
        var request = context.Request;
        if (request.Headers.Authorization != $"Bearer {StandInCredential.Token}")
        {
            return StandInAnswer.Refusal(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.")
                .With("WWW-Authenticate", $"Bearer authorization=\"https://login.microsoftonline.com/{Tenant}\", resource=\"https://vault.azure.net\"");
        }
        if (request.Query["api-version"] is not [{ } version] || !(version.StartsWith("7.", StringComparison.Ordinal) || version.StartsWith("20", StringComparison.Ordinal)))
            return StandInAnswer.Refusal(400, "BadParameter", "AKV10079: The api-version query parameter is missing or not supported.");
        var fault = faults.TryDequeue(out var next) ? next : null;
        if (fault?.Answer is { } instead)
            return instead;
        var body = request.ContentLength > 0 ? (await JsonNode.ParseAsync(request.Body))!.AsObject() : [];
        var vault = vaults.GetOrAdd(request.Host.Host, host => new StandInVault(host));
        var answer = vault.Answer(request.Method, request.Path.Value!.Trim('/').Split('/'), request.Query, body);
        return fault is { LosesAnswer: true } ? null : answer;
    }

    private sealed class Redirect(Uri address) : DelegatingHandler(new SocketsHttpHandler { UseProxy = false })
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.Headers.Host = request.RequestUri!.Authority;
            request.RequestUri = new Uri(address, request.RequestUri.PathAndQuery);
            return base.SendAsync(request, cancellationToken);
        }
    }
}
