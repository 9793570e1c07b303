namespace Kontext.Domain;

/// <summary>Part of a list, and where the next part begins.</summary>
/// <typeparam name="T">What is listed.</typeparam>
/// <param name="Items">The part.</param>
/// <param name="NextCursor">Opaque; null at the end.</param>
public sealed record Page<T>(IReadOnlyList<T> Items, string? NextCursor);
