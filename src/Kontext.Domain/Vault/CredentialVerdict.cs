using System.Collections.Immutable;

namespace Kontext.Domain.Vault;

/// <summary>What asking a service about a credential came to.</summary>
/// <param name="Validity">Invalid only if the service refused it; no answer is no verdict.</param>
/// <param name="Message">For the person.</param>
/// <param name="At">When it was asked.</param>
public sealed record CredentialVerdict(Validity Validity, string Message, DateTimeOffset At)
{
    /// <summary>The account the service knows the credential as; null when it did not say.</summary>
    public string? Account { get; init; }

    /// <summary>Tools the service listed for it.</summary>
    public ImmutableArray<string> Tools { get; init; } = [];

    /// <summary>The connection with this noted on it.</summary>
    public Connection NoteOn(Connection connection) => connection with
    {
        Validity = Validity,
        CheckedAt = At,
        CheckMessage = Message,
        // An answer that accepts it overrules a refusal before.
        LastError = Validity == Validity.Valid && !connection.Refreshable ? null : connection.LastError,
        Account = Account ?? connection.Account,
    };
}
