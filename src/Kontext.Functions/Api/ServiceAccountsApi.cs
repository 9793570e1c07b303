using System.Text.Json.Serialization;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Tenancy;

namespace Kontext.Functions.Api;

/// <summary>A service account on the wire (contract 1.11).</summary>
internal sealed record ServiceAccountBody(string Id, string Name, string? Description, string ClientId, bool Disabled, string CreatedAt)
{
    public static ServiceAccountBody Of(ServiceAccount account) => new(account.Id.ToString(), account.Name, account.Description, account.Id.ClientId, account.Disabled, Wire.Time(account.CreatedAt));
}

/// <summary>Credentials, shown once.</summary>
internal sealed record CredentialsBody(string ClientId, string ClientSecret, string? PreviousSecretExpiresAt)
{
    public static CredentialsBody Of(ServiceAccount account, string secret) => new(account.Id.ClientId, secret, account.RetiringSecret is { } retiring ? Wire.Time(retiring.Until) : null);
}

/// <summary>One account; with credentials right after they were made.</summary>
internal sealed record ServiceAccountEnvelope(ServiceAccountBody ServiceAccount, CredentialsBody? Credentials = null);

/// <summary>A page of accounts, never with credentials.</summary>
internal sealed record ServiceAccountListBody(IReadOnlyList<ServiceAccountBody> Items, string? NextCursor);

/// <summary>A new account.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record NewServiceAccount
{
    public string? Name { get; init; }

    public string? Description { get; init; }
}

/// <summary>Changes of an account; absent fields stay as they are.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
internal sealed record ServiceAccountChange
{
    public string? Name { get; init; }

    public string? Description { get; init; }

    public bool? Disabled { get; init; }
}

/// <summary>Service accounts (contract 2.5): for owners and admins.</summary>
internal sealed class ServiceAccountsApi(IServiceAccountStore accounts, TimeProvider time)
{
    public static void Map(RouteGroupBuilder api)
    {
        var group = api.MapGroup("/service-accounts");
        group.MapPost("", (HttpContext context, ServiceAccountsApi self) => self.CreateAsync(context));
        group.MapGet("", (HttpContext context, ServiceAccountsApi self) => self.ListAsync(context));
        group.MapGet("/{id}", (ServiceAccountId id, HttpContext context, ServiceAccountsApi self) => self.ReadAsync(context, id));
        group.MapPatch("/{id}", (ServiceAccountId id, HttpContext context, ServiceAccountsApi self) => self.ChangeAsync(context, id));
        group.MapPost("/{id}/rotate-secret", (ServiceAccountId id, HttpContext context, ServiceAccountsApi self) => self.RotateAsync(context, id));
        group.MapDelete("/{id}", (ServiceAccountId id, HttpContext context, ServiceAccountsApi self) => self.RevokeAsync(context, id));
    }

    private async Task<IResult> CreateAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!(await Api.ReadAsync(context, ApiJson.Default.NewServiceAccount)).TryGet(out var input, out var failure))
            return ApiErrors.Of(context, failure);
        if (Refusal(input.Name ?? "", input.Description) is { } invalid)
            return ApiErrors.Of(context, invalid);
        var secret = RandomValue.Token();
        var now = time.GetUtcNow();
        var account = new ServiceAccount
        {
            Id = Ids.New<ServiceAccountId>(now),
            Name = input.Name!.Trim(),
            Description = input.Description,
            SecretHash = RandomValue.HashOf(secret),
            CreatedAt = now,
        };
        await Api.ChangeAsync(context, caller, "service_account.created", new AuditParty(account.Id.ToString(), account.Name), null, () => accounts.InsertAsync(caller.Org, account, context.RequestAborted));
        return Api.Ok(new ServiceAccountEnvelope(ServiceAccountBody.Of(account), CredentialsBody.Of(account, secret)), ApiJson.Default.ServiceAccountEnvelope, StatusCodes.Status201Created);
    }

    private async Task<IResult> ListAsync(HttpContext context)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!Api.Paging(context).TryGet(out var paging, out var failure))
            return ApiErrors.Of(context, failure);
        var page = await accounts.ListAsync(caller.Org, paging.Cursor, paging.Limit, context.RequestAborted);
        return Api.Ok(new ServiceAccountListBody([.. page.Items.Where(account => !account.Revoked).Select(ServiceAccountBody.Of)], page.NextCursor), ApiJson.Default.ServiceAccountListBody);
    }

    private async Task<IResult> ReadAsync(HttpContext context, ServiceAccountId id)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        return await accounts.FindAsync(caller.Org, id, context.RequestAborted) is { Value.Revoked: false } found
            ? Api.Ok(new ServiceAccountEnvelope(ServiceAccountBody.Of(found.Value)), ApiJson.Default.ServiceAccountEnvelope)
            : ApiErrors.Of(context, Api.NotFound("service account"));
    }

    private async Task<IResult> ChangeAsync(HttpContext context, ServiceAccountId id)
    {
        if (ApiCaller.Of(context).DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!(await Api.ReadAsync(context, ApiJson.Default.ServiceAccountChange)).TryGet(out var input, out var failure))
            return ApiErrors.Of(context, failure);
        if (Refusal(input.Name, input.Description) is { } invalid)
            return ApiErrors.Of(context, invalid);
        var change = input.Disabled switch { true => "service_account.disabled", false => "service_account.enabled", null => "service_account.changed" };
        return await UpdateAsync(context, id, change, account => account with
        {
            Name = input.Name?.Trim() ?? account.Name,
            Description = input.Description ?? account.Description,
            Disabled = input.Disabled ?? account.Disabled,
        }, account => Api.Ok(new ServiceAccountEnvelope(ServiceAccountBody.Of(account)), ApiJson.Default.ServiceAccountEnvelope));
    }

    private async Task<IResult> RotateAsync(HttpContext context, ServiceAccountId id)
    {
        if (ApiCaller.Of(context).DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        if (!(await SecretRotation.ReadAsync(context)).TryGet(out var overlap, out var failure))
            return ApiErrors.Of(context, failure);
        var secret = RandomValue.Token();
        return await UpdateAsync(context, id, "service_account.secret_rotated",
            account => account with { SecretHash = RandomValue.HashOf(secret), RetiringSecret = RetiringSecret.After(account.SecretHash, overlap.Length, time.GetUtcNow()) },
            account => Api.Ok(new ServiceAccountEnvelope(ServiceAccountBody.Of(account), CredentialsBody.Of(account, secret)), ApiJson.Default.ServiceAccountEnvelope),
            account => SecretRotation.Detail(account.RetiringSecret));
    }

    private Task<IResult> RevokeAsync(HttpContext context, ServiceAccountId id) =>
        UpdateAsync(context, id, "service_account.revoked", account => account with { Revoked = true }, _ => Results.NoContent());

    private async Task<IResult> UpdateAsync(HttpContext context, ServiceAccountId id, string change, Func<ServiceAccount, ServiceAccount> apply, Func<ServiceAccount, IResult> answer, Func<ServiceAccount, string?>? detail = null)
    {
        var caller = ApiCaller.Of(context);
        if (caller.DemandPrivilege() is { } refused)
            return ApiErrors.Of(context, refused);
        while (await accounts.FindAsync(caller.Org, id, context.RequestAborted) is { Value.Revoked: false } current)
        {
            var next = apply(current.Value);
            if (await Api.ChangeAsync(context, caller, change, new AuditParty(id.ToString(), next.Name), detail?.Invoke(next), () => accounts.ReplaceAsync(caller.Org, current, next, context.RequestAborted)) is { } stored)
                return answer(stored.Value);
        }
        return ApiErrors.Of(context, Api.NotFound("service account"));
    }

    private static Failure? Refusal(string? name, string? description)
    {
        var errors = new Dictionary<string, string>();
        if (name is not null && (string.IsNullOrWhiteSpace(name) || name.Length > 200 || !PrintableText.IsPrintable(name)))
            errors["name"] = $"Is required, at most 200 characters. {PrintableText.Rule}";
        Api.CheckText(errors, "description", description);
        return errors.Count > 0 ? Api.Invalid(errors) : null;
    }
}
