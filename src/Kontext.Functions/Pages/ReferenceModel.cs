using Kontext.Functions.OpenApi;

namespace Kontext.Functions.Pages;

/// <summary>What the reference page shows.</summary>
/// <param name="Sections">Operations by what they are about.</param>
public sealed record ReferenceModel(IReadOnlyList<ReferenceSection> Sections)
{
    /// <summary>The operations in the order of the reference.</summary>
    internal static ReferenceModel Of(IReadOnlyList<ApiOperation> operations) =>
        new([.. operations.GroupBy(operation => operation.Tag).Select(tag => new ReferenceSection(tag.Key, [.. tag.Select(EntryOf)]))]);

    private static ReferenceEntry EntryOf(ApiOperation operation) => new(
        operation.Method,
        "/api/v1" + operation.Path,
        operation.Summary,
        operation.Who switch
        {
            Who.Anyone => "everybody, for what they may see",
            Who.Privileged => "owners, admins and service accounts; auditors to read",
            Who.Person => "people, for what is their own",
            _ => throw new InvalidOperationException($"Unknown {operation.Who}."),
        },
        string.Join(", ", operation.Query.Concat(operation.Headers).Select(parameter => parameter.Name)),
        operation.Body is { } body ? string.Join(", ", body.Properties.Select(property => property.Name)) : "",
        operation.Status);
}

/// <summary>Operations on one kind of thing.</summary>
/// <param name="Name">What kind.</param>
/// <param name="Entries">The operations.</param>
public sealed record ReferenceSection(string Name, IReadOnlyList<ReferenceEntry> Entries);

/// <summary>An operation.</summary>
/// <param name="Method">The HTTP method.</param>
/// <param name="Path">The path.</param>
/// <param name="Summary">What it does.</param>
/// <param name="Who">Who may.</param>
/// <param name="Parameters">Names of query parameters and headers; empty for none.</param>
/// <param name="Fields">Names of the body's fields; empty for none.</param>
/// <param name="Status">The status of its success.</param>
public sealed record ReferenceEntry(string Method, string Path, string Summary, string Who, string Parameters, string Fields, int Status);
