using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Api;

/// <summary>Changes of an integration, in whichever of its two vocabularies they are asked for (contract 2.4, 2.8).</summary>
internal sealed class IntegrationChanges(IIntegrationStore integrations, ConnectionClearing clearing)
{
    /// <summary>For the audit trail.</summary>
    public static AuditParty PartyOf(Integration integration) => new(integration.Id.ToString(), integration.Name);

    /// <summary>Changes the integration as stored now; connections that the change makes void are ended.</summary>
    public async Task<IResult> RunAsync(HttpContext context, IntegrationId id, string change, Func<Integration, Task<Result<Integration>>> apply, Func<Integration, int?, IResult> answer)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        while (await FindAsync(context, id) is { } current)
        {
            if (!(await apply(current.Value)).TryGet(out var next, out var failure))
                return ApiErrors.Of(context, failure);
            var clears = ConnectionClearing.IsDue(current.Value, next);
            if (clears)
                await clearing.AnnounceAsync(caller.Org, id, context.RequestAborted);
            var written = await Api.ChangeAsync(context, caller, change, PartyOf(next), null, () => integrations.ReplaceAsync(caller.Org, current, next, context.RequestAborted), static written => written.TryGet(out _, out _));
            if (!written.TryGet(out var stored, out failure))
            {
                // Somebody else changed the row: apply to what they left. Otherwise the new name is taken.
                if ((await FindAsync(context, id))?.Version != current.Version)
                    continue;
                return ApiErrors.Of(context, failure);
            }
            // Void already; removing what they hold is done even if nobody waits for it.
            int? cleared = clears ? (await clearing.RunAsync(caller.Org, stored.Value, caller.Actor, CancellationToken.None)).Cleared : null;
            return answer(stored.Value, cleared);
        }
        return ApiErrors.Of(context, Api.NotFound("integration"));
    }

    private async Task<Versioned<Integration>?> FindAsync(HttpContext context, IntegrationId id) =>
        await integrations.FindAsync(ApiCaller.Of(context).Org, id, context.RequestAborted) is { Value.Archived: false } found ? found : null;
}
