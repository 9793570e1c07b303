using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Webhooks;

namespace Kontext.Functions.Api;

/// <summary>What webhooks were sent and what came of it; sending it again, and a message to try one out.</summary>
internal sealed class WebhookDeliveriesApi(IWebhookStore webhooks, WebhookPublication publication)
{
    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/webhooks/{id}");
        group.MapGet("/deliveries", (WebhookId id, HttpContext context, WebhookDeliveriesApi self) => self.ListAsync(context, id));
        group.MapPost("/deliveries/{delivery}/retry", (WebhookId id, DeliveryId delivery, HttpContext context, WebhookDeliveriesApi self) => self.RetryAsync(context, id, delivery));
        group.MapPost("/test", (WebhookId id, HttpContext context, WebhookDeliveriesApi self) => self.TestAsync(context, id));
    }

    private async Task<IResult> ListAsync(HttpContext context, WebhookId id)
    {
        if (!(await FindAsync(context, id)).TryGet(out var caller, out var failure) || !Api.Paging(context).TryGet(out var paging, out failure))
            return ApiErrors.Of(context, failure);
        var page = await webhooks.DeliveriesAsync(caller.Org, id, paging.Cursor, paging.Limit, context.RequestAborted);
        return Api.Ok(new WebhookDeliveryListBody([.. page.Items.Select(WebhookDeliveryBody.Of)], page.NextCursor), ApiJson.Default.WebhookDeliveryListBody);
    }

    private async Task<IResult> RetryAsync(HttpContext context, WebhookId id, DeliveryId delivery)
    {
        if (!(await FindAsync(context, id)).TryGet(out var caller, out var failure))
            return ApiErrors.Of(context, failure);
        if (await webhooks.FindAsync(caller.Org, id, delivery, context.RequestAborted) is null)
            return ApiErrors.Of(context, Api.NotFound("delivery"));
        if (await publication.RetryAsync(caller.Org, id, delivery, context.RequestAborted) is not { } queued)
            return ApiErrors.Of(context, new Failure(FailureCode.Conflict, "The delivery is being sent right now."));
        await Api.RecordAsync(context, caller, "webhook.delivery_retried", new AuditParty(delivery.ToString(), queued.Type));
        return Api.Ok(new WebhookDeliveryEnvelope(WebhookDeliveryBody.Of(queued)), ApiJson.Default.WebhookDeliveryEnvelope, StatusCodes.Status202Accepted);
    }

    private async Task<IResult> TestAsync(HttpContext context, WebhookId id)
    {
        if (!(await FindAsync(context, id)).TryGet(out var caller, out var failure))
            return ApiErrors.Of(context, failure);
        var queued = await publication.TestAsync(caller.Org, id, context.RequestAborted);
        await Api.RecordAsync(context, caller, "webhook.tested", new AuditParty(id.ToString(), queued.Type));
        return Api.Ok(new WebhookDeliveryEnvelope(WebhookDeliveryBody.Of(queued)), ApiJson.Default.WebhookDeliveryEnvelope, StatusCodes.Status202Accepted);
    }

    private async Task<Result<ApiCaller>> FindAsync(HttpContext context, WebhookId id)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return refused;
        return await webhooks.FindAsync(caller.Org, id, context.RequestAborted) is not null ? caller : Api.NotFound("webhook");
    }
}
