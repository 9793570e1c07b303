using Kontext.Domain.Audit;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.OAuth;

/// <summary>Clients that nobody registered: their client id is the URL of a document that describes them (draft-ietf-oauth-client-id-metadata-document-01).</summary>
/// <param name="documents">Fetches their documents.</param>
/// <param name="applications">Where they are kept once they asked somebody.</param>
/// <param name="organizations">Says whether the organization lets them in.</param>
/// <param name="audit">Records that they came, and changed.</param>
/// <param name="time">The clock.</param>
/// <param name="organization">Slug of the organization they come to.</param>
public sealed class DocumentClients(IClientDocuments documents, IApplicationStore applications, IOrganizationStore organizations, IAuditLog audit, TimeProvider time, string organization)
{
    private static readonly Failure Unknown = new(FailureCode.InvalidClient, "The application that sent you here is not known, or was revoked.");

    /// <summary>The application as its document describes it now; nothing is stored.</summary>
    public async Task<Result<(OrgId Org, Application Application)>> DescribeAsync(string clientId, CancellationToken cancellationToken)
    {
        if (!ClientIdUrl.IsValid(clientId))
            return new Failure(FailureCode.InvalidClient, "A client_id that is a URL has to be an https address with a path, without dot segments, fragment or user name.");
        var known = await applications.ResolveClientAsync(clientId, cancellationToken);
        if ((known?.Org ?? await organizations.FindBySlugAsync(organization, cancellationToken)) is not { } org
            || await organizations.CurrentAsync(org, cancellationToken) is not { DynamicRegistration: true })
            return new Failure(FailureCode.AccessDenied, "This organization only knows applications that it set up. Ask an administrator to create one.");
        var id = IdOf(org, clientId);
        var stored = await applications.CurrentAsync(org, id, cancellationToken);
        if (stored is { Archived: true })
            return Unknown;
        if (!(await documents.FetchAsync(clientId, cancellationToken)).TryGet(out var document, out var failure))
            return failure;
        var now = time.GetUtcNow();
        stored ??= new Application
        {
            Id = id,
            Name = document.Name,
            DocumentUrl = clientId,
            OAuth = new OAuthClient(),
            Registration = Registration.MetadataDocument,
            CreatedAt = now,
            UpdatedAt = now,
        };
        return (org, Described(stored, document));
    }

    /// <summary>Stores the application, or what its document changed about it.</summary>
    public async Task KeepAsync(OrgId org, Application described, CancellationToken cancellationToken)
    {
        if (await applications.CurrentAsync(org, described.Id, cancellationToken) is { } current && IsSame(current, described))
            return;
        while (true)
        {
            if (await applications.FindAsync(org, described.Id, cancellationToken) is not { } stored)
            {
                // Refused means that the same client came twice at once: there is nothing left to do.
                if (await applications.InsertAsync(org, described, cancellationToken))
                    await RecordAsync(org, described, "application.registered");
                return;
            }
            if (IsSame(stored.Value, described))
                return;
            var next = stored.Value with { Name = described.Name, OAuth = described.OAuth, UpdatedAt = time.GetUtcNow() };
            if (await applications.ReplaceAsync(org, stored, next, cancellationToken) is null)
                continue;
            await RecordAsync(org, next, "application.document_changed");
            return;
        }
    }

    /// <summary>The id of such a client: the same in every process, so that it can be found by its URL alone.</summary>
    public static AppId IdOf(OrgId org, string clientId) => Ids.Named<AppId>($"client\n{org}\n{clientId}");

    private static Application Described(Application application, ClientDocument document) => application with
    {
        Name = document.Name,
        OAuth = application.OAuth with
        {
            Confidential = document.Keys is not null,
            AuthMethod = document.Keys is null ? null : ClientAuthMethods.PrivateKeyJwt,
            Jwks = document.Keys?.Jwks,
            JwksUri = document.Keys?.JwksUri,
            RedirectUris = document.RedirectUris,
            DpopBoundAccessTokens = document.DpopBoundAccessTokens,
        },
    };

    private static bool IsSame(Application one, Application other) =>
        one.Name == other.Name && one.OAuth.RedirectUris.SequenceEqual(other.OAuth.RedirectUris, StringComparer.Ordinal)
        && one.OAuth.AuthMethod == other.OAuth.AuthMethod && one.OAuth.Jwks == other.OAuth.Jwks && one.OAuth.JwksUri == other.OAuth.JwksUri
        && one.OAuth.DpopBoundAccessTokens == other.OAuth.DpopBoundAccessTokens;

    private Task RecordAsync(OrgId org, Application application, string change) => audit.AppendAsync(org, new AuditEvent
    {
        At = time.GetUtcNow(),
        Type = AuditTypes.Administered,
        Agent = new AuditParty(application.Id.ToString(), application.Name),
        Capability = change,
        Target = application.DocumentUrl,
    }, CancellationToken.None);
}
