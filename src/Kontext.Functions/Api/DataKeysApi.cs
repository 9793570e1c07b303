using Kontext.Domain;
using Kontext.Domain.Tenancy;
using Kontext.Functions.OAuth;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Api;

/// <summary>The organization's data key on the wire: which version encrypts, and whether anything lasting is still under an older one.</summary>
internal sealed record DataKeyBody(string Version, string? RotatedAt, string? ResealedAt, bool Resealing);

/// <summary>The data key that the organization's credentials are encrypted under: <c>/data-key</c>.</summary>
internal sealed class DataKeysApi(DataKeyRotation rotation, IDataKeys keys, IOrganizationStore organizations, KontextSettings settings)
{
    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/data-key");
        group.MapGet("", (HttpContext context, DataKeysApi self) => self.ReadAsync(context));
        group.MapPost("/rotate", (HttpContext context, DataKeysApi self) => self.RotateAsync(context));
    }

    private async Task<IResult> ReadAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        return caller.DemandPrivilege() is { } refused ? ApiErrors.Of(context, refused) : await AnswerAsync(caller.Org, context.RequestAborted);
    }

    private async Task<IResult> RotateAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        await rotation.RotateAsync(caller.Org, caller.Org, caller.Actor, context.RequestAborted);
        // The issuer's own secrets, the signing keys among them, belong to whoever runs the deployment.
        if (await organizations.FindBySlugAsync(settings.Organization, CancellationToken.None) == caller.Org)
            await rotation.RotateAsync(SigningKeyStore.Issuer, caller.Org, caller.Actor, CancellationToken.None);
        return await AnswerAsync(caller.Org, CancellationToken.None);
    }

    private async Task<IResult> AnswerAsync(OrgId org, CancellationToken cancellationToken)
    {
        var last = (await rotation.FindAsync(org, cancellationToken))?.Value;
        return Api.Ok(
            new DataKeyBody(await keys.CurrentVersionAsync(org, cancellationToken), Wire.Time(last?.RotatedAt), Wire.Time(last?.ResealedAt), last is { ResealedAt: null }),
            ApiJson.Default.DataKeyBody);
    }
}
