using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Tenancy;
using Kontext.Functions.Organizations;
using Microsoft.AspNetCore.Http.Features;

namespace Kontext.Functions.Api;

/// <summary>Who uses the management API and what they may do there (contract 1.2): service accounts, owners and admins everything, auditors read everything, other people what is their own.</summary>
/// <param name="Org">The organization.</param>
/// <param name="User">The person; null for a service account.</param>
/// <param name="Privileged">May do for the whole organization what this request is about: auditors as long as it changes nothing.</param>
/// <param name="Actor">For the audit trail.</param>
internal sealed record ApiCaller(OrgId Org, UserId? User, bool Privileged, AuditParty Actor)
{
    /// <summary>The caller of a request.</summary>
    public static ApiCaller Of(HttpContext context) => CallerOf.Request(context) switch
    {
        ServiceAccountCaller service => new ApiCaller(service.Org, null, Privileged: true, new AuditParty(service.Account.Id.ClientId, service.Account.Name)),
        AgentCaller agent => new ApiCaller(
            agent.Org, agent.User.Id, IsPrivileged(context, agent.User), new AuditParty(agent.User.Id.ToString(), agent.User.DisplayName)),
        PersonCaller person => new ApiCaller(person.Org, person.User.Id, IsPrivileged(context, person.User), new AuditParty(person.User.Id.ToString(), person.User.DisplayName)),
        _ => throw new InvalidOperationException("Unknown kind of caller."),
    };

    private static bool IsPrivileged(HttpContext context, User user) => user.IsPrivileged || (user.IsAuditor && ApiRoles.OnlyReads(context));

    /// <summary>The refusal for somebody without a privileged role; null when they have one.</summary>
    public Failure? DemandPrivilege() => Privileged ? null : new Failure(FailureCode.Forbidden, "This needs the role owner or admin, or a service account; the role auditor is enough to read.");

    /// <summary>May see and change an application: everybody privileged, and its owner.</summary>
    public bool MaySee(Application application) => Privileged || (User is { } user && application.Owner == user);
}

/// <summary>Reads and writes what all resources of the management API share.</summary>
internal static class Api
{
    private const int MaxBodyBytes = 1024 * 1024;
    private const int MaxText = 2000;

    private static ReadOnlySpan<byte> ByteOrderMark => "\uFEFF"u8;

    /// <summary>What is not there, or belongs to somebody else: the two must look the same.</summary>
    public static Failure NotFound(string what) => new(FailureCode.NotFound, $"There is no {what} with this id.");

    /// <summary>Reads a JSON body; what is malformed, too large or unknown to us is refused with its place.</summary>
    public static async Task<Result<T>> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type, int maxBytes = MaxBodyBytes)
        where T : class
    {
        if (!context.Request.HasJsonContentType())
            return new Failure(FailureCode.InvalidRequest, "Send the body as application/json.");
        BodyLimit.Set(context, maxBytes);
        try
        {
            using var sent = new MemoryStream();
            await context.Request.Body.CopyToAsync(sent, context.RequestAborted);
            var json = sent.GetBuffer().AsSpan(0, (int)sent.Length);
            JsonText.Demand(json);
            return JsonSerializer.Deserialize(json.StartsWith(ByteOrderMark) ? json[ByteOrderMark.Length..] : json, type) is { } body
                ? body
                : new Failure(FailureCode.InvalidRequest, "The body has to be a JSON object.");
        }
        catch (JsonException malformed)
        {
            var field = malformed.Path?.TrimStart('$').TrimStart('.') is { Length: > 0 } path ? path : "body";
            return new Failure(FailureCode.InvalidRequest, "The body is not what this endpoint takes.", malformed.Message)
            {
                Fields = new Dictionary<string, string> { [field] = $"Unknown field, a field given twice, wrong type or malformed JSON. The fields are {string.Join(", ", type.Properties.Select(property => property.Name))}; /openapi describes them." },
            };
        }
    }

    /// <summary>The same where the body may be left out.</summary>
    public static async Task<Result<T>> ReadOptionalAsync<T>(HttpContext context, JsonTypeInfo<T> type, T absent)
        where T : class =>
        HasBody(context) ? await ReadAsync(context, type) : absent;

    /// <summary>Did the request come with a body?</summary>
    public static bool HasBody(HttpContext context) =>
        context.Request.ContentLength is not 0 && context.Features.Get<IHttpRequestBodyDetectionFeature>() is not { CanHaveBody: false };

    /// <summary>A failure with one message per field.</summary>
    public static Failure Invalid(IReadOnlyDictionary<string, string> fields) =>
        new(FailureCode.InvalidRequest, string.Join(" ", fields.Select(field => $"{field.Key}: {field.Value}"))) { Fields = fields };

    /// <summary>Notes what is wrong with a text of several lines that people read: too long, or other than it looks.</summary>
    public static void CheckText(Dictionary<string, string> errors, string field, string? text)
    {
        if (text is not null && (text.Length > MaxText || !PrintableText.HasPrintableLines(text)))
            errors[field] = $"At most {MaxText} characters. {PrintableText.Rule}";
    }

    /// <summary>JSON with the type's own metadata.</summary>
    public static IResult Ok<T>(T body, JsonTypeInfo<T> type, int statusCode = StatusCodes.Status200OK) => Results.Json(body, type, statusCode: statusCode);

    /// <summary>The limit and cursor parameters (contract 2.1).</summary>
    public static Result<(int Limit, string? Cursor)> Paging(HttpContext context)
    {
        var text = context.Request.Query["limit"].ToString();
        var limit = 50;
        if (text.Length > 0 && (!int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out limit) || limit is < 1 or > 200))
            return Invalid(new Dictionary<string, string> { ["limit"] = "Has to be a number from 1 to 200." });
        return (limit, context.Request.Query["cursor"].ToString() is { Length: > 0 } cursor ? cursor : null);
    }

    /// <summary>
    /// Makes an administrative change once it is on record: what cannot be recorded is not done (architecture section 8). What was recorded and
    /// then not done, because somebody else was faster or a name was taken, is said not to have been by an entry of its own; so is what storage left uncertain.
    /// </summary>
    /// <param name="context">The request.</param>
    /// <param name="caller">Who makes it.</param>
    /// <param name="change">Its word, such as <c>application.created</c>.</param>
    /// <param name="target">What is changed; null when the detail says it.</param>
    /// <param name="detail">More about it; null for nothing.</param>
    /// <param name="write">Makes it.</param>
    /// <param name="made">Whether it was made, by what that gave.</param>
    public static async Task<T> ChangeAsync<T>(HttpContext context, ApiCaller caller, string change, AuditParty? target, string? detail, Func<Task<T>> write, Func<T, bool> made)
    {
        await RecordAsync(context, caller, change, target, detail);
        T outcome;
        try
        {
            outcome = await write();
        }
        catch
        {
            // An answer that was lost, or that nobody waited for, says nothing about the write.
            await NoteAsync("outcome_unknown", "It is not known whether the change recorded before was made.");
            throw;
        }
        if (!made(outcome))
            await NoteAsync("not_carried_out", "The change recorded before was not made.");
        return outcome;

        Task NoteAsync(string errorType, string words) =>
            AppendAsync(context, EventOf(context, caller, change, target, detail) with { Status = "warn", ErrorType = errorType, ErrorMessage = words }, caller);
    }

    /// <summary>The same for a write that gives null when somebody else was faster.</summary>
    public static Task<T?> ChangeAsync<T>(HttpContext context, ApiCaller caller, string change, AuditParty? target, string? detail, Func<Task<T?>> write)
        where T : class => ChangeAsync(context, caller, change, target, detail, write, static written => written is not null);

    /// <summary>The same for a write that says whether it was made.</summary>
    public static Task<bool> ChangeAsync(HttpContext context, ApiCaller caller, string change, AuditParty? target, string? detail, Func<Task<bool>> write) =>
        ChangeAsync(context, caller, change, target, detail, write, static written => written);

    /// <summary>The same for a write that is made or throws.</summary>
    public static Task ChangeAsync(HttpContext context, ApiCaller caller, string change, AuditParty? target, string? detail, Func<Task> write) =>
        ChangeAsync(context, caller, change, target, detail, async () =>
        {
            await write();
            return true;
        });

    /// <summary>Records what an administrator did that changes nothing in the organization.</summary>
    public static Task RecordAsync(HttpContext context, ApiCaller caller, string change, AuditParty? target, string? detail = null) =>
        AppendAsync(context, EventOf(context, caller, change, target, detail), caller);

    private static Task AppendAsync(HttpContext context, AuditEvent happened, ApiCaller caller) =>
        context.RequestServices.GetRequiredService<IAuditLog>().AppendAsync(caller.Org, happened, CancellationToken.None);

    private static AuditEvent EventOf(HttpContext context, ApiCaller caller, string change, AuditParty? target, string? detail) => new()
    {
        At = context.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow(),
        Type = AuditTypes.Administered,
        Actor = caller.Actor,
        Capability = change,
        Target = target is null ? detail : $"{target.Name} ({target.Id}){(detail is null ? "" : ": " + detail)}",
    };
}
