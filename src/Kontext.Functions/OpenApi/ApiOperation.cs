using System.Text.Json.Serialization.Metadata;

namespace Kontext.Functions.OpenApi;

/// <summary>Who may use an operation. A test tries every one with every role.</summary>
internal enum Who
{
    /// <summary>Everybody in the organization, for what is theirs; auditors see everything and change nothing.</summary>
    Anyone,

    /// <summary>Owners, admins and service accounts; auditors as long as it changes nothing.</summary>
    Privileged,

    /// <summary>A person, for what is their own. A service account has nothing of the kind.</summary>
    Person,
}

/// <summary>A parameter of the query, or a header.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its JSON type.</param>
/// <param name="Description">What it does.</param>
/// <param name="Values">The values it may have; null for any.</param>
internal sealed record ApiParameter(string Name, string Type, string Description, IReadOnlyList<string>? Values = null)
{
    /// <summary>Length of a page.</summary>
    public static ApiParameter Limit { get; } = new("limit", "integer", "How many items at most, 1 to 200.");

    /// <summary>Makes a change of a rule depend on nobody else having changed any.</summary>
    public static ApiParameter IfMatch { get; } = new("If-Match", "string", "The ETag of an answer about rules: when they were changed since, nothing is done and the answer is 409 with currentRevision.");

    /// <summary>Where a page begins.</summary>
    public static ApiParameter Cursor { get; } = new("cursor", "string", "Where the page begins: nextCursor of the page before.");
}

/// <summary>What the reference says about one operation of the management API.</summary>
/// <param name="Method">The HTTP method.</param>
/// <param name="Path">The path after <c>/api/v1</c>, with the names of its parameters.</param>
/// <param name="Tag">What it is about.</param>
/// <param name="Summary">What it does.</param>
/// <param name="Who">Who may.</param>
internal sealed record ApiOperation(string Method, string Path, string Tag, string Summary, Who Who = Who.Anyone)
{
    /// <summary>The body it takes; null for none.</summary>
    public JsonTypeInfo? Body { get; init; }

    /// <summary>The body may be left out.</summary>
    public bool BodyOptional { get; init; }

    /// <summary>The body of its success; null for none.</summary>
    public JsonTypeInfo? Answer { get; init; }

    /// <summary>The status of its success.</summary>
    public int Status { get; init; } = StatusCodes.Status200OK;

    /// <summary>The media type of its success.</summary>
    public string MediaType { get; init; } = "application/json";

    /// <summary>The body of a second kind of success, with status 200; null when there is only one.</summary>
    public JsonTypeInfo? OtherAnswer { get; init; }

    /// <summary>Its query parameters.</summary>
    public IReadOnlyList<ApiParameter> Query { get; init; } = [];

    /// <summary>Headers it goes by.</summary>
    public IReadOnlyList<ApiParameter> Headers { get; init; } = [];
}
