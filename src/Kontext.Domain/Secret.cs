namespace Kontext.Domain;

/// <summary>A token, key, code or password. It prints as <c>***</c> and serializes as an empty object, so that it cannot end up in a log.</summary>
public sealed class Secret
{
    private readonly string value;

    /// <summary>Wraps a secret text.</summary>
    public Secret(string value) => this.value = value;

    /// <summary>The text itself. Every call is a place where a secret leaves its wrapping.</summary>
    public string Reveal() => value;

    /// <inheritdoc/>
    public override string ToString() => "***";
}
