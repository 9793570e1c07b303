using System.Runtime.CompilerServices;
using Kontext.Domain;
using Kontext.Domain.Revocations;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Api;

/// <summary>Cutting off, seeing what that came to, and undoing it: <c>/revocations</c>, for owners, admins and service accounts. People end their own sessions and connections elsewhere.</summary>
internal sealed class RevocationsApi(CutOffs cutOffs, ICutOffStore store, IIssuedCredentials issued, ISessionStore sessions, IConnectionStore connections, TimeProvider time)
{
    private const int MaxReason = 500;
    private const int MaxCredentials = 200;
    private const int ReadsAtOnce = 16;

    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/revocations");
        group.MapPost("", (HttpContext context, RevocationsApi self) => self.CreateAsync(context));
        group.MapGet("", (HttpContext context, RevocationsApi self) => self.ListAsync(context));
        group.MapGet("/{id}", (CutOffId id, HttpContext context, RevocationsApi self) => self.ReadAsync(context, id));
        group.MapPost("/{id}/continue", (CutOffId id, HttpContext context, RevocationsApi self) => self.ContinueAsync(context, id));
        group.MapPost("/{id}/reinstate", (CutOffId id, HttpContext context, RevocationsApi self) => self.ReinstateAsync(context, id));
    }

    private async Task<IResult> CreateAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!(await Api.ReadAsync(context, ApiJson.Default.NewRevocation)).TryGet(out var input, out var failure) || !TargetOf(input).TryGet(out var target, out failure))
            return ApiErrors.Of(context, failure);
        return (await cutOffs.RunAsync(caller.Org, target, input.Reason, input.Disconnect ?? false, caller.Actor, context.RequestAborted)).TryGet(out var done, out failure)
            ? await AnswerAsync(context, caller.Org, done, StatusCodes.Status201Created)
            : ApiErrors.Of(context, failure);
    }

    private async Task<IResult> ListAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!Api.Paging(context).TryGet(out var paging, out var failure))
            return ApiErrors.Of(context, failure);
        var page = await store.ListAsync(caller.Org, paging.Cursor, paging.Limit, context.RequestAborted);
        return Api.Ok(new RevocationListBody([.. page.Items.Select(RevocationBody.Of)], page.NextCursor), ApiJson.Default.RevocationListBody);
    }

    private async Task<IResult> ReadAsync(HttpContext context, CutOffId id)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        return await store.FindAsync(caller.Org, id, context.RequestAborted) is { } found ? await AnswerAsync(context, caller.Org, found.Value) : ApiErrors.Of(context, Api.NotFound("revocation"));
    }

    private async Task<IResult> ContinueAsync(HttpContext context, CutOffId id)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        return await cutOffs.ContinueAsync(caller.Org, id, context.RequestAborted) is { } done ? await AnswerAsync(context, caller.Org, done) : ApiErrors.Of(context, Api.NotFound("revocation"));
    }

    private async Task<IResult> ReinstateAsync(HttpContext context, CutOffId id)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (await cutOffs.ReinstateAsync(caller.Org, id, caller.Actor, context.RequestAborted) is not { } result)
            return ApiErrors.Of(context, Api.NotFound("revocation"));
        return result.TryGet(out var reinstated, out var failure) ? await AnswerAsync(context, caller.Org, reinstated) : ApiErrors.Of(context, failure);
    }

    private async Task<IResult> AnswerAsync(HttpContext context, OrgId org, CutOff cutOff, int statusCode = StatusCodes.Status200OK)
    {
        // Only what was handed out can outlive a cut-off: what is injected never leaves the gateway.
        var left = cutOff.ReinstatedAt is not null ? new IssuedCredentials([], More: false) : await LeftAsync(org, cutOff.Target, context.RequestAborted);
        var others = cutOff.Target.IsReinstatable ? await cutOffs.OthersAsync(org, cutOff, context.RequestAborted) : [];
        var body = RevocationBody.Of(cutOff, left with { More = left.More || cutOff.Remainders.Length >= CutOffs.MaxRemainders }, time.GetUtcNow());
        return Api.Ok(new RevocationEnvelope(body with { AlsoCutOffBy = others is [] ? null : [.. others.Select(other => other.ToString())] }), ApiJson.Default.RevocationEnvelope, statusCode);
    }

    /// <summary>What agents hold of the target and its provider did not confirm to be dead.</summary>
    private async Task<IssuedCredentials> LeftAsync(OrgId org, CutOffTarget target, CancellationToken cancellationToken)
    {
        var (held, more) = (new List<IssuedCredential>(), false);
        await foreach (var one in WithChildrenAsync(org, target, cancellationToken))
        {
            var page = await issued.ListAsync(org, one, time.GetUtcNow(), MaxCredentials, cancellationToken);
            held.AddRange(page.Credentials);
            if (more = page.More || held.Count > MaxCredentials)
                break;
        }
        var ended = new Dictionary<(UserId, IntegrationId), DateTimeOffset?>();
        foreach (var some in held.Where(credential => credential.User is not null).Select(credential => (User: credential.User!.Value, credential.Integration)).Distinct().Chunk(ReadsAtOnce))
        {
            foreach (var (key, connection) in await Task.WhenAll(some.Select(async key => (key, await connections.CurrentAsync(org, key.User, key.Integration, cancellationToken)))))
                ended[key] = connection?.GrantRevokedAt;
        }
        return new IssuedCredentials(
            [.. held.Where(credential => !(credential.User is { } user && ended[(user, credential.Integration)] >= credential.IssuedAt)).OrderByDescending(credential => credential.IssuedAt).Take(MaxCredentials)], more);
    }

    /// <summary>A session with those made from it by token exchange, which end with it; anything else alone.</summary>
    private async IAsyncEnumerable<CutOffTarget> WithChildrenAsync(OrgId org, CutOffTarget target, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var waiting = new Queue<CutOffTarget>([target]);
        while (waiting.TryDequeue(out var one))
        {
            yield return one;
            if (one is not { Kind: CutOffKind.Session, Application: { } application, Session: { } session } || await sessions.FindAsync(org, application, session, cancellationToken) is not { } found)
                continue;
            foreach (var child in found.Value.Children)
                waiting.Enqueue(new CutOffTarget { Kind = CutOffKind.Session, Application = child.Application, Session = child.Session });
        }
    }

    private static Result<CutOffTarget> TargetOf(NewRevocation input)
    {
        var errors = new Dictionary<string, string>();
        CutOffKind? kind = input.Type switch
        {
            "session" => CutOffKind.Session,
            "connection" => CutOffKind.Connection,
            "application" => CutOffKind.Application,
            "user" => CutOffKind.User,
            "integration" => CutOffKind.Integration,
            "organization" => CutOffKind.Organization,
            _ => null,
        };
        if (kind is null)
            errors["type"] = "Has to be session, connection, application, user, integration or organization.";
        if (input.Reason is { } reason && (reason.Length > MaxReason || !PrintableText.IsPrintable(reason)))
            errors["reason"] = $"At most {MaxReason} characters. {PrintableText.Rule}";
        if (input.Disconnect is true && kind is not (CutOffKind.User or CutOffKind.Integration or CutOffKind.Connection))
            errors["disconnect"] = "Connections belong to a person or an integration: only with one of these.";
        var application = Read<AppId>(input.ApplicationId, "applicationId", kind is CutOffKind.Application or CutOffKind.Session, errors);
        var session = Read<SessionId>(input.SessionId, "sessionId", kind is CutOffKind.Session, errors);
        var user = Read<UserId>(input.UserId, "userId", kind is CutOffKind.User or CutOffKind.Connection, errors);
        var integration = Read<IntegrationId>(input.IntegrationId, "integrationId", kind is CutOffKind.Integration or CutOffKind.Connection, errors);
        return errors.Count > 0 || kind is not { } wanted
            ? Api.Invalid(errors)
            : new CutOffTarget { Kind = wanted, Application = application, Session = session, User = user, Integration = integration };
    }

    private static TId? Read<TId>(string? text, string field, bool wanted, Dictionary<string, string> errors)
        where TId : struct, IId<TId>, IParsable<TId>
    {
        if (wanted && TId.TryParse(text, null, out var id))
            return id;
        if (wanted || text is not null)
            errors[field] = wanted ? "Is required, and has to be an id." : "Does not belong to this type.";
        return null;
    }
}
