using System.Net;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Kontext.Domain;
using Kontext.Functions.Retention;

namespace Kontext.Functions.Storage;

/// <summary>An archive in a container of the Blob service, through its REST API. Each day is one block blob, written at once.</summary>
internal sealed class BlobArchive : IAuditArchive
{
    // A day may be large, and nobody waits for it.
    private static readonly TimeSpan PerTry = TimeSpan.FromMinutes(10);

    private readonly HttpPipeline pipeline;
    private readonly string container;

    public BlobArchive(Uri container, StorageAccount? account, TimeProvider time)
    {
        this.container = container.AbsoluteUri;
        var options = new Options { Transport = new HttpClientTransport(new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = !container.IsLoopback, ActivityHeadersPropagator = null }) { Timeout = Timeout.InfiniteTimeSpan }) };
        options.Retry.NetworkTimeout = PerTry;
        pipeline = StoragePipeline.Build(options, account?.Key is { } key ? new SharedKeyPolicy(account.Name!, Convert.FromBase64String(key.Reveal()), time) : null);
    }

    /// <inheritdoc/>
    public string PlaceOf(OrgId org) => $"{container}/{org}";

    /// <inheritdoc/>
    public async Task<bool> WriteAsync(OrgId org, DateOnly day, string file, CancellationToken cancellationToken)
    {
        for (var containerMade = false; ; containerMade = true)
        {
            await using var stream = File.OpenRead(file);
            using var message = Request(RequestMethod.Put, AddressOf(org, day));
            message.Request.Headers.Add("x-ms-blob-type", "BlockBlob");
            message.Request.Headers.Add("If-None-Match", "*");
            message.Request.Headers.Add("Content-Type", "application/x-ndjson");
            message.Request.Content = RequestContent.Create(stream);
            await SendAsync(message, cancellationToken);
            switch (message.Response.Status)
            {
                case (int)HttpStatusCode.Created:
                    return true;
                // After a lost answer it may be our own. Whoever wrote it: it is read back and verified. Where the container has a policy of immutability, that is what keeps us from writing it again.
                case (int)HttpStatusCode.Conflict when ErrorOf(message.Response) is "BlobAlreadyExists" or "BlobImmutableDueToPolicy":
                case (int)HttpStatusCode.PreconditionFailed:
                    return false;
                case (int)HttpStatusCode.NotFound when ErrorOf(message.Response) == "ContainerNotFound" && !containerMade:
                    await CreateContainerAsync(cancellationToken);
                    continue;
                default:
                    throw new RequestFailedException(message.Response);
            }
        }
    }

    /// <inheritdoc/>
    public async Task<bool> ReadAsync(OrgId org, DateOnly day, string file, CancellationToken cancellationToken)
    {
        using var message = Request(RequestMethod.Get, AddressOf(org, day));
        message.BufferResponse = false;
        await SendAsync(message, cancellationToken);
        if (message.Response.Status == (int)HttpStatusCode.NotFound)
            return false;
        if (message.Response.Status != (int)HttpStatusCode.OK)
            throw new RequestFailedException(message.Response);
        await using var content = message.ExtractResponseContent() ?? throw new InvalidDataException("The blob service gave no content.");
        await using var to = File.Create(file);
        await content.CopyToAsync(to, cancellationToken);
        return true;
    }

    private async Task CreateContainerAsync(CancellationToken cancellationToken)
    {
        using var message = Request(RequestMethod.Put, container + "?restype=container");
        await SendAsync(message, cancellationToken);
        if (message.Response.Status != (int)HttpStatusCode.Created && ErrorOf(message.Response) != "ContainerAlreadyExists")
            throw new RequestFailedException(message.Response);
    }

    private string AddressOf(OrgId org, DateOnly day) => $"{PlaceOf(org)}/{IAuditArchive.NameOf(day)}";

    private HttpMessage Request(RequestMethod method, string address)
    {
        var message = pipeline.CreateMessage();
        message.Request.Method = method;
        message.Request.Uri.Reset(new Uri(address));
        message.Request.Headers.Add("x-ms-version", "2021-12-02");
        return message;
    }

    // Its tries have a limit each; all of them together need none.
    private Task SendAsync(HttpMessage message, CancellationToken cancellationToken) => pipeline.SendWithinAsync(message, "blob", Timeout.InfiniteTimeSpan, cancellationToken);

    private static string? ErrorOf(Response response) => response.Headers.TryGetValue("x-ms-error-code", out var code) ? code : null;

    private sealed class Options : ClientOptions;
}
