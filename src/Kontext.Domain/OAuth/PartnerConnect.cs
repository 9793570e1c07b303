using Kontext.Domain.Audit;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;

namespace Kontext.Domain.OAuth;

/// <summary>What a partner's backend sends to let one of its users connect (contract 5.4).</summary>
/// <param name="Application">The application whose users they are.</param>
/// <param name="ApiKey">The partner's key.</param>
/// <param name="Token">The partner's JWT about the user.</param>
/// <param name="ReturnUrl">Where the user goes afterwards; null for nowhere.</param>
public sealed record PartnerConnectRequest(AppId Application, Secret ApiKey, Secret Token, string? ReturnUrl);

/// <summary>Makes connect links for an application's own users on the word of the application: its key, and a JWT that its issuer signed (contract 5.4).</summary>
public sealed class PartnerConnect(IApplicationStore applications, PartnerTokens tokens, ExternalUsers users, ConnectLinks links, IAuditLog audit, TimeProvider time)
{
    // Compared with when there is no application or key, so that both take as long.
    private static readonly string NoKey = RandomValue.HashOf(RandomValue.Token());
    private static readonly Failure Unknown = new(FailureCode.InvalidToken, "The application is not known, or X-Api-Key is not its partner key.");

    /// <summary>The link, or why there is none. What is refused after the key was right is recorded.</summary>
    public async Task<Result<ConnectLink>> RunAsync(PartnerConnectRequest request, CancellationToken cancellationToken)
    {
        var found = await applications.ResolveClientAsync(request.Application.ClientId, cancellationToken);
        var application = found is { } client ? await applications.CurrentAsync(client.Org, client.Application, cancellationToken) : null;
        var matches = RandomValue.Matches(request.ApiKey.Reveal(), application?.ExternalAuth?.PartnerApiKeyHash ?? NoKey);
        if (!matches || application is not { Archived: false })
            return Unknown;
        var org = found!.Value.Org;

        if (!(await VouchAsync(org, application, request, cancellationToken)).TryGet(out var vouched, out var failure))
        {
            await audit.AppendAsync(org, Event(application) with { Status = "error_auth", ErrorType = failure.Code.ToString(), ErrorMessage = failure.Message }, cancellationToken);
            return failure;
        }
        var (user, session) = vouched;
        var link = await links.CreateExternalAsync(org, application, user, request.ReturnUrl, cancellationToken);
        await audit.AppendAsync(org, Event(application) with
        {
            User = new AuditParty(user.Id.ToString(), user.DisplayName),
            SessionId = session.Id.ToString(),
            Target = user.Subject,
        }, CancellationToken.None);
        return link;
    }

    private async Task<Result<(User User, Session Session)>> VouchAsync(OrgId org, Application application, PartnerConnectRequest request, CancellationToken cancellationToken)
    {
        if (!(await tokens.ReadAsync(application, request.Token, cancellationToken)).TryGet(out var person, out var failure))
            return failure;
        // Anything else would make our page an open redirector.
        if (request.ReturnUrl is { } returnUrl && !application.ExternalAuth!.AllowedReturnUrls.Contains(returnUrl))
            return new Failure(FailureCode.InvalidRequest, "returnUrl is not one of externalAuth.allowedReturnUrls.")
            {
                Fields = new Dictionary<string, string> { ["returnUrl"] = "Has to be one of externalAuth.allowedReturnUrls." },
            };
        return await users.EnsureAsync(org, application, person, cancellationToken);
    }

    private AuditEvent Event(Application application) => new()
    {
        At = time.GetUtcNow(),
        Type = AuditTypes.Vouched,
        Agent = new AuditParty(application.Id.ToString(), application.Name),
    };
}
