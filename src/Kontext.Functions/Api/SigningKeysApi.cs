using System.Text.Json.Serialization;
using Kontext.Domain;
using Kontext.Domain.Tenancy;
using Kontext.Functions.OAuth;

namespace Kontext.Functions.Api;

/// <summary>A signing key on the wire: its public half as in the key set, and where it is in its life.</summary>
internal sealed record SigningKeyBody(string Kid, string State, string Alg, string Kty, string Crv, string X, string Y, string CreatedAt, string ActiveFrom, string? RetiredAt, string? RevokedAt)
{
    public static SigningKeyBody Of(StoredSigningKey key, SigningKeyState state) => new(
        key.Kid, Word(state), key.Algorithm, "EC", "P-256", key.X, key.Y, Wire.Time(key.CreatedAt), Wire.Time(key.ActiveFrom),
        key.RetiredAt is { } retired ? Wire.Time(retired) : null, key.RevokedAt is { } revoked ? Wire.Time(revoked) : null);

    private static string Word(SigningKeyState state) => state switch
    {
        SigningKeyState.Next => "next",
        SigningKeyState.Current => "current",
        SigningKeyState.Previous => "previous",
        SigningKeyState.Retired => "retired",
        SigningKeyState.Revoked => "revoked",
    };
}

/// <summary>All signing keys there ever were, oldest first.</summary>
internal sealed record SigningKeyListBody(IReadOnlyList<SigningKeyBody> Items);

/// <summary>How to rotate: nothing for an orderly change; <c>emergency</c> cuts off the key named, or all of them.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record SigningKeyRotationInput
{
    public bool Emergency { get; init; }

    public string? Kid { get; init; }
}

/// <summary>The issuer's signing keys. They sign for every organization of the deployment, so only the privileged of the deployment's own organization get at them.</summary>
internal sealed class SigningKeysApi(SigningKeyStore store, SigningKeyRotation rotation, IOrganizationStore organizations, KontextSettings settings, TimeProvider time)
{
    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/signing-keys");
        group.MapGet("", (HttpContext context, SigningKeysApi self) => self.ListAsync(context));
        group.MapPost("/rotate", (HttpContext context, SigningKeysApi self) => self.RotateAsync(context));
    }

    private async Task<IResult> ListAsync(HttpContext context) =>
        await RefusalAsync(context) is { } refused
            ? ApiErrors.Of(context, refused)
            : await KeysAsync((await store.RingAsync(context.RequestAborted)).Value, context.RequestAborted);

    private async Task<IResult> RotateAsync(HttpContext context)
    {
        if (await RefusalAsync(context) is { } refused)
            return ApiErrors.Of(context, refused);
        if (!(await Api.ReadOptionalAsync(context, ApiJson.Default.SigningKeyRotationInput, new SigningKeyRotationInput())).TryGet(out var input, out var failure))
            return ApiErrors.Of(context, failure);
        if (input is { Kid: not null, Emergency: false })
            return ApiErrors.Of(context, Api.Invalid(new Dictionary<string, string> { ["kid"] = "Names the key to revoke, with emergency: true." }));
        var caller = ApiCaller.Of(context);
        if (!input.Emergency)
            return await KeysAsync(await rotation.RotateAsync(caller.Org, caller.Actor, context.RequestAborted), CancellationToken.None);
        return (await rotation.RevokeAsync(caller.Org, caller.Actor, input.Kid, context.RequestAborted)).TryGet(out var ring, out failure)
            ? await KeysAsync(ring, CancellationToken.None)
            : ApiErrors.Of(context, failure);
    }

    private async Task<Failure?> RefusalAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return refused;
        return await organizations.FindBySlugAsync(settings.Organization, context.RequestAborted) == caller.Org
            ? null
            : new Failure(FailureCode.Forbidden, "The signing keys belong to the whole deployment. Only administrators of the organization that runs it can see and change them.");
    }

    private async Task<IResult> KeysAsync(StoredKeyRing ring, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var inUse = ring.Keys.ToDictionary(key => key.Kid);
        return Api.Ok(new SigningKeyListBody([.. (await store.EverUsedAsync(cancellationToken)).Select(key => inUse.TryGetValue(key.Kid, out var used)
            ? SigningKeyBody.Of(used, ring.StateOf(used, now))
            : SigningKeyBody.Of(key, key.RevokedAt is null ? SigningKeyState.Retired : SigningKeyState.Revoked))]), ApiJson.Default.SigningKeyListBody);
    }
}
