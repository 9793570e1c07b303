namespace Kontext.Domain.Integrations;

/// <summary>A field of a credential that people fill in, as <see cref="Integration.CredentialSchema"/> tells it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">What belongs into it, in words; null when the schema does not say.</param>
/// <param name="Secret">It is not to be seen while it is entered. Everything is, but what the schema calls text.</param>
public sealed record CredentialField(string Name, string? Description, bool Secret)
{
    private const string Text = "text";

    /// <summary>The fields of an integration, in the order of their names.</summary>
    public static IReadOnlyList<CredentialField> Of(Integration integration) =>
        [.. integration.CredentialSchema.OrderBy(field => field.Key, StringComparer.Ordinal).Select(field => Of(field.Key, field.Value.Trim()))];

    private static CredentialField Of(string name, string said) => said switch
    {
        "" or "string" or "password" or "secret" => new(name, null, Secret: true),
        Text => new(name, null, Secret: false),
        _ when said.StartsWith(Text + ":", StringComparison.Ordinal) => new(name, said[(Text.Length + 1)..].Trim() is { Length: > 0 } words ? words : null, Secret: false),
        _ => new(name, said, Secret: true),
    };
}
