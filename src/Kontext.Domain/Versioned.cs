namespace Kontext.Domain;

/// <summary>A stored value with the version that a conditional write compares against.</summary>
/// <typeparam name="T">The value's type.</typeparam>
/// <param name="Value">The value as it was read or written.</param>
/// <param name="Version">The store's version (an ETag).</param>
public sealed record Versioned<T>(T Value, string Version)
{
    /// <summary>What the store read, so that properties a newer version wrote survive our rewriting the row.</summary>
    public object? Origin { get; init; }
}
