using Kontext.Domain;
using Kontext.Domain.Observability;
using Kontext.Domain.Vault;
using Kontext.Functions.Observability;

namespace Kontext.Functions.Upstream;

/// <summary>Talks to OAuth providers over HTTP. Their answers are untrusted: bounded in size and time, never followed elsewhere.</summary>
/// <param name="http">A guarded client.</param>
/// <param name="allowPrivateAddresses">Whether plain http is accepted, as private addresses are.</param>
/// <param name="callLimit">The longest a token endpoint may take; other endpoints get ten seconds at most.</param>
/// <param name="time">The clock.</param>
internal sealed class HttpProviderClient(HttpClient http, bool allowPrivateAddresses, TimeSpan callLimit, TimeProvider time) : IProviderClient
{
    // Nothing is lost when these are given up, and somebody is waiting.
    private static readonly TimeSpan LongestElsewhere = TimeSpan.FromSeconds(10);

    private readonly TimeSpan shortLimit = callLimit < LongestElsewhere ? callLimit : LongestElsewhere;

    /// <inheritdoc/>
    public Task<Result<TokenAnswer>> ExchangeCodeAsync(ProviderApp app, Secret code, Uri redirectUri, Secret? codeVerifier, CancellationToken cancellationToken)
    {
        var form = new Dictionary<string, string>(app.CodeParameters)
        {
            ["grant_type"] = "authorization_code", ["code"] = code.Reveal(), ["redirect_uri"] = redirectUri.AbsoluteUri,
        };
        if (codeVerifier is not null)
            form["code_verifier"] = codeVerifier.Reveal();
        return TokenAsync(app, app.TokenEndpoint, form, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<Result<TokenAnswer>> RefreshAsync(ProviderApp app, Secret refreshToken, CancellationToken cancellationToken) =>
        TokenAsync(app, app.RefreshEndpoint, new Dictionary<string, string> { ["grant_type"] = "refresh_token", ["refresh_token"] = refreshToken.Reveal() }, cancellationToken);

    /// <inheritdoc/>
    public async Task<Result<Done>> RevokeAsync(ProviderApp app, Secret token, string hint, CancellationToken cancellationToken)
    {
        if (app.RevocationEndpoint is not { } endpoint)
            return new Failure(FailureCode.Misconfigured, $"{app.Name} has no revocation endpoint.");
        using var request = ProviderRequests.Revocation(app, endpoint, token, hint);
        return (await SendAsync(app.Name, request, shortLimit, cancellationToken)).TryGet(out var answer, out var failure)
            ? RevocationAnswers.Read(app, answer) : failure;
    }

    /// <inheritdoc/>
    public async Task<Result<string?>> IdentityAsync(string name, AccountIdentity account, Secret accessToken, CancellationToken cancellationToken)
    {
        using var request = ProviderRequests.Account(account, accessToken);
        return (await SendAsync(name, request, shortLimit, cancellationToken)).TryGet(out var answer, out var failure) ? AccountAnswer.Read(name, account, answer) : failure;
    }

    /// <inheritdoc/>
    public async Task<Result<IssuerMetadata>> DiscoverAsync(string issuer, CancellationToken cancellationToken)
    {
        if (!Uri.TryCreate(issuer, UriKind.Absolute, out var address) || address.Query.Length > 0 || address.Fragment.Length > 0)
            return new Failure(FailureCode.Misconfigured, "The issuer has to be an absolute address without query or fragment. An administrator has to correct oauth.issuer of the integration.");
        var last = new Failure(FailureCode.Misconfigured, $"{address.Host} publishes no OAuth metadata for this issuer. An administrator has to check oauth.issuer of the integration.");
        foreach (var place in MetadataDocument.PlacesOf(address))
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, place);
            request.Headers.Accept.Add(ProviderRequests.Json);
            if (!(await SendAsync(address.Host, request, shortLimit, cancellationToken)).TryGet(out var answer, out var failure))
                return failure.Code == FailureCode.UpstreamFailed ? failure with { Code = FailureCode.Unavailable } : failure;
            if (answer.Status is 429 or >= 500)
                return new Failure(FailureCode.Unavailable, $"{address.Host} has trouble publishing its metadata (status {answer.Status}).") { RetryAfter = answer.RetryAfter };
            if (!answer.IsSuccess)
                continue;
            if (MetadataDocument.Read(answer.Body, issuer, IsAllowed).TryGet(out var metadata, out failure))
                return metadata;
            last = failure;
        }
        return last;
    }

    private async Task<Result<TokenAnswer>> TokenAsync(ProviderApp app, Uri endpoint, Dictionary<string, string> form, CancellationToken cancellationToken)
    {
        if (app.Resource is not null)
            form["resource"] = app.Resource;
        using var request = ProviderRequests.Token(app, endpoint, form);
        var askedAt = time.GetUtcNow();
        return (await SendAsync(app.Name, request, callLimit, cancellationToken)).TryGet(out var answer, out var failure)
            ? TokenAnswers.Read(app, answer, askedAt) : failure;
    }

    private async Task<Result<ProviderResponse>> SendAsync(string name, HttpRequestMessage request, TimeSpan limit, CancellationToken cancellationToken)
    {
        if (!IsAllowed(request.RequestUri!))
            return new Failure(FailureCode.Misconfigured, $"An address of {name} is not https. An administrator has to correct the integration's OAuth settings.");
        using var clock = new CancellationTokenSource(limit);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, clock.Token);
        using var span = HttpSpans.StartClient(request);
        try
        {
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            span.Answered((int)response.StatusCode);
            var body = await ProviderResponse.ReadBodyAsync(response, either.Token);
            if (body is null)
                return new Failure(FailureCode.UpstreamFailed, $"{name} sent an answer far too large to be one.");
            return new ProviderResponse((int)response.StatusCode, response.Content.Headers.ContentType?.MediaType, body, ProviderResponse.RetryAfterOf(response, time.GetUtcNow()))
            {
                Challenge = response.Headers.WwwAuthenticate.ToString(),
            };
        }
        catch (HttpRequestException exception) when (exception.HttpRequestError is HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError or HttpRequestError.SecureConnectionError)
        {
            span.Fail("unreachable");
            return new Failure(FailureCode.Unavailable, $"{name} cannot be reached.", exception.HttpRequestError.ToString());
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            span.Fail("broken_off");
            return new Failure(FailureCode.UpstreamFailed, $"{name} broke off before its answer was complete.", exception.GetType().Name);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            span.Fail("timeout");
            return new Failure(FailureCode.UpstreamFailed, $"{name} did not answer within {limit.TotalSeconds:0} seconds.");
        }
    }

    private bool IsAllowed(Uri address) => address.Scheme == Uri.UriSchemeHttps || (allowPrivateAddresses && address.Scheme == Uri.UriSchemeHttp);
}
