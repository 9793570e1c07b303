using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Upstream;

/// <summary>Asks over HTTP who issues an MCP server's tokens, and registers us there. What a server names is fetched by https from public addresses only, in every hop, within limits of size and time.</summary>
/// <param name="http">A guarded client.</param>
/// <param name="allowPrivateAddresses">Whether plain http is accepted, as private addresses are.</param>
/// <param name="publicUrl">Where we are reached.</param>
/// <param name="time">The clock.</param>
internal sealed class HttpAuthorizationDiscovery(HttpClient http, bool allowPrivateAddresses, Uri publicUrl, TimeProvider time) : IAuthorizationDiscovery
{
    private const int MaxHops = 4;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <inheritdoc/>
    public async Task<Result<ProtectedResource>> FindAsync(string name, Uri server, CancellationToken cancellationToken)
    {
        if (!IsAllowed(server))
            return new Failure(FailureCode.Misconfigured, $"The address of {name} is not https. An administrator has to correct url of the integration.");
        using var probe = ResourceDocument.Probe(server);
        if (!(await SendAsync(probe, cancellationToken)).TryGet(out var refusal, out var failure))
            return About($"{name} does not answer at its address", failure);
        if (refusal.Status is 429 or >= 500)
            return new Failure(FailureCode.Unavailable, $"{name} has trouble answering at its address (status {refusal.Status}). Try again later.") { RetryAfter = refusal.RetryAfter };

        var named = ChallengeParameters.Find(refusal.Challenge, "resource_metadata");
        var places = ResourceDocument.PlacesOf(server).ToList();
        if (named is not null)
        {
            if (!Uri.TryCreate(named, UriKind.Absolute, out var place) || !IsAllowed(place))
                return Wrong(name, "names a resource_metadata address in its challenge that is not https");
            places = [place];
        }
        foreach (var place in places)
        {
            if (!(await GetAsync(place, cancellationToken)).TryGet(out var answer, out failure))
                return About($"The protected resource metadata of {name} at {place} cannot be fetched", failure);
            if (answer.Status is 429 or >= 500)
                return new Failure(FailureCode.Unavailable, $"The host of {name} has trouble publishing its metadata (status {answer.Status}). Try again later.") { RetryAfter = answer.RetryAfter };
            if (answer.IsSuccess && ResourceDocument.IsObject(answer.Body))
                return ResourceDocument.Read(name, place, answer.Body, server, ChallengeParameters.ScopesOf(refusal.Challenge), IsAllowed);
            if (named is not null)
                return Wrong(name, $"names protected resource metadata at {place} in its challenge, but there is none (status {answer.Status})");
        }
        if (refusal.Status is not (401 or 403))
            return Wrong(name, $"asks for no access token (status {refusal.Status}) and publishes no protected resource metadata at {string.Join(" or ", places)}");
        // Servers of 2025-03-26 are their own authorization server, at their origin.
        return new ProtectedResource(server.AbsoluteUri, [server.GetLeftPart(UriPartial.Authority)], ChallengeParameters.ScopesOf(refusal.Challenge));
    }

    /// <inheritdoc/>
    public async Task<Result<RegisteredClient>> RegisterAsync(string name, Uri endpoint, ClientRegistration registration, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, endpoint)
        {
            Content = new StringContent(RegistrationDocument.Write(registration, publicUrl).ToJsonString(), Encoding.UTF8, "application/json"),
        };
        return (await SendAsync(request, cancellationToken)).TryGet(out var answer, out var failure)
            ? RegistrationDocument.Read(name, endpoint, answer, registration.Authentication)
            : About($"The registration endpoint {endpoint} of {name} cannot be reached", failure);
    }

    /// <summary>Follows a few redirects: each hop is https, and its address is judged when it is connected to.</summary>
    private async Task<Result<ProviderResponse>> GetAsync(Uri address, CancellationToken cancellationToken)
    {
        for (var hop = 0; hop < MaxHops; hop++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            if (!(await SendAsync(request, cancellationToken)).TryGet(out var answer, out var failure))
                return failure;
            if (answer.Status is not (301 or 302 or 303 or 307 or 308) || answer.Location is null)
                return answer;
            address = new Uri(address, answer.Location);
            if (!IsAllowed(address))
                return new Failure(FailureCode.Misconfigured, "it redirects to an address that is not https");
        }
        return new Failure(FailureCode.Misconfigured, "it redirects too often");
    }

    private async Task<Result<ProviderResponse>> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        if (request.Method == HttpMethod.Post)
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        using var clock = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        clock.CancelAfter(Limit);
        try
        {
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, clock.Token);
            // What a server streams to a greeting is of no interest, and may never end.
            var body = response.Content.Headers.ContentType?.MediaType == "text/event-stream" ? [] : await ProviderResponse.ReadBodyAsync(response, clock.Token);
            return body is null
                ? new Failure(FailureCode.Misconfigured, "the answer is far too large to be one")
                : new ProviderResponse((int)response.StatusCode, response.Content.Headers.ContentType?.MediaType, body, ProviderResponse.RetryAfterOf(response, time.GetUtcNow()))
                {
                    Challenge = response.Headers.WwwAuthenticate.ToString(),
                    Location = response.Headers.Location,
                };
        }
        catch (Exception unreachable) when (unreachable is HttpRequestException or IOException)
        {
            return new Failure(FailureCode.Unavailable, "it cannot be reached", (unreachable as HttpRequestException)?.HttpRequestError.ToString());
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new Failure(FailureCode.Unavailable, $"it did not answer within {Limit.TotalSeconds:0} seconds");
        }
    }

    private bool IsAllowed(Uri address) =>
        address.UserInfo.Length == 0 && (address.Scheme == Uri.UriSchemeHttps || (allowPrivateAddresses && address.Scheme == Uri.UriSchemeHttp));

    private static Failure About(string what, Failure failure) => failure with { Message = $"{what}: {failure.Message}." };

    private static Failure Wrong(string name, string what) => new(FailureCode.Misconfigured, $"{name} {what}. {ResourceDocument.Remedy}");
}
