using System.Collections.Immutable;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Vault;
using Kontext.Domain.Webhooks;
using Kontext.Functions.Webhooks;

namespace Kontext.Functions.Api;

/// <summary>Webhooks: for owners, admins and service accounts.</summary>
internal sealed class WebhooksApi(IWebhookStore webhooks, ICredentialVault vault, WebhookAddresses addresses, TimeProvider time)
{
    private const int MaxWebhooks = 50;

    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/webhooks");
        group.MapPost("", (HttpContext context, WebhooksApi self) => self.CreateAsync(context));
        group.MapGet("", (HttpContext context, WebhooksApi self) => self.ListAsync(context));
        group.MapGet("/{id}", (WebhookId id, HttpContext context, WebhooksApi self) => self.ReadAsync(context, id));
        group.MapPatch("/{id}", (WebhookId id, HttpContext context, WebhooksApi self) => self.ChangeAsync(context, id));
        group.MapPost("/{id}/rotate-secret", (WebhookId id, HttpContext context, WebhooksApi self) => self.RotateAsync(context, id));
        group.MapDelete("/{id}", (WebhookId id, HttpContext context, WebhooksApi self) => self.DeleteAsync(context, id));
    }

    private async Task<IResult> CreateAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!(await Api.ReadAsync(context, ApiJson.Default.NewWebhook)).TryGet(out var input, out var failure))
            return ApiErrors.Of(context, failure);
        if (Refusal(input.Url ?? "", input.Description, input.Events) is { } invalid)
            return ApiErrors.Of(context, invalid);
        if ((await webhooks.CurrentAsync(caller.Org, context.RequestAborted)).Count >= MaxWebhooks)
            return ApiErrors.Of(context, new Failure(FailureCode.Conflict, $"An organization has at most {MaxWebhooks} webhooks."));
        var now = time.GetUtcNow();
        var id = Ids.New<WebhookId>(now);
        var secret = WebhookSignature.NewSecret();
        var endpoint = new WebhookEndpoint
        {
            Id = id, Url = input.Url!, Description = input.Description, Events = Distinct(input.Events) ?? [], CreatedAt = now,
            SecretVersion = await vault.PutAsync(caller.Org, CredentialName.Webhook(id), secret, context.RequestAborted),
        };
        await Api.ChangeAsync(context, caller, "webhook.created", PartyOf(endpoint), null, () => webhooks.InsertAsync(caller.Org, endpoint, CancellationToken.None));
        return Api.Ok(new WebhookEnvelope(WebhookBody.Of(endpoint), secret.Reveal()), ApiJson.Default.WebhookEnvelope, StatusCodes.Status201Created);
    }

    private async Task<IResult> ListAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        return caller.DemandPrivilege() is { } refused
            ? ApiErrors.Of(context, refused)
            : Api.Ok(new WebhookListBody([.. (await webhooks.CurrentAsync(caller.Org, context.RequestAborted)).Select(WebhookBody.Of)], WebhookEvents.Types), ApiJson.Default.WebhookListBody);
    }

    private async Task<IResult> ReadAsync(HttpContext context, WebhookId id)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        return await webhooks.FindAsync(caller.Org, id, context.RequestAborted) is { } found
            ? Api.Ok(new WebhookEnvelope(WebhookBody.Of(found.Value)), ApiJson.Default.WebhookEnvelope)
            : ApiErrors.Of(context, Api.NotFound("webhook"));
    }

    private async Task<IResult> ChangeAsync(HttpContext context, WebhookId id)
    {
        if (ApiCaller.Of(context).DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!(await Api.ReadAsync(context, ApiJson.Default.WebhookChange)).TryGet(out var input, out var failure))
            return ApiErrors.Of(context, failure);
        if (Refusal(input.Url, input.Description, input.Events) is { } invalid)
            return ApiErrors.Of(context, invalid);
        var change = input.Disabled switch { true => "webhook.disabled", false => "webhook.enabled", null => "webhook.changed" };
        return await UpdateAsync(context, id, change, endpoint => endpoint with
        {
            Url = input.Url ?? endpoint.Url,
            Description = input.Description ?? endpoint.Description,
            Events = Distinct(input.Events) ?? endpoint.Events,
            Disabled = input.Disabled ?? endpoint.Disabled,
            DisabledReason = input.Disabled is null ? endpoint.DisabledReason : null,
        }, endpoint => new WebhookEnvelope(WebhookBody.Of(endpoint)));
    }

    private async Task<IResult> RotateAsync(HttpContext context, WebhookId id)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!(await SecretRotation.ReadAsync(context)).TryGet(out var overlap, out var failure))
            return ApiErrors.Of(context, failure);
        if (await webhooks.FindAsync(caller.Org, id, context.RequestAborted) is null)
            return ApiErrors.Of(context, Api.NotFound("webhook"));
        var secret = WebhookSignature.NewSecret();
        var version = await vault.PutAsync(caller.Org, CredentialName.Webhook(id), secret, context.RequestAborted);
        return await UpdateAsync(context, id, "webhook.secret_rotated", endpoint => endpoint with
        {
            SecretVersion = version,
            RetiringVersion = overlap.Length > TimeSpan.Zero ? endpoint.SecretVersion : null,
            RetiringUntil = overlap.Length > TimeSpan.Zero ? time.GetUtcNow() + overlap.Length : null,
        }, endpoint => new WebhookEnvelope(WebhookBody.Of(endpoint), secret.Reveal(), Wire.Time(endpoint.RetiringUntil)));
    }

    private async Task<IResult> DeleteAsync(HttpContext context, WebhookId id)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        while (await webhooks.FindAsync(caller.Org, id, context.RequestAborted) is { } current)
        {
            if (!await Api.ChangeAsync(context, caller, "webhook.deleted", PartyOf(current.Value), null, () => webhooks.DeleteAsync(caller.Org, current, context.RequestAborted)))
                continue;
            await vault.DeleteAsync(caller.Org, CredentialName.Webhook(id), CancellationToken.None);
            return Results.NoContent();
        }
        return ApiErrors.Of(context, Api.NotFound("webhook"));
    }

    private async Task<IResult> UpdateAsync(HttpContext context, WebhookId id, string change, Func<WebhookEndpoint, WebhookEndpoint> apply, Func<WebhookEndpoint, WebhookEnvelope> answer)
    {
        var caller = ApiCaller.Of(context);
        while (await webhooks.FindAsync(caller.Org, id, context.RequestAborted) is { } current)
        {
            var next = apply(current.Value);
            if (await Api.ChangeAsync(context, caller, change, PartyOf(next), null, () => webhooks.ReplaceAsync(caller.Org, current, next, context.RequestAborted)) is { } stored)
                return Api.Ok(answer(stored.Value), ApiJson.Default.WebhookEnvelope);
        }
        return ApiErrors.Of(context, Api.NotFound("webhook"));
    }

    private Failure? Refusal(string? url, string? description, IReadOnlyList<string>? events)
    {
        var errors = new Dictionary<string, string>();
        if (url is not null && addresses.Refusal(url) is { } wrong)
            errors["url"] = wrong;
        Api.CheckText(errors, "description", description);
        if (events?.Any(type => !WebhookEvents.Types.Contains(type)) == true)
            errors["events"] = $"Has to be a list of: {string.Join(", ", WebhookEvents.Types)}.";
        return errors.Count > 0 ? Api.Invalid(errors) : null;
    }

    private static ImmutableArray<string>? Distinct(IReadOnlyList<string>? events) => events is null ? null : [.. events.Distinct()];

    private static AuditParty PartyOf(WebhookEndpoint endpoint) => new(endpoint.Id.ToString(), new Uri(endpoint.Url).GetLeftPart(UriPartial.Authority));
}
