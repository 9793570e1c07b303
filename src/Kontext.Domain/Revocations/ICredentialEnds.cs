namespace Kontext.Domain.Revocations;

/// <summary>An issued credential that has ended.</summary>
/// <param name="Org">The organization.</param>
/// <param name="Credential">The credential; its end is known.</param>
public sealed record CredentialEnd(OrgId Org, IssuedCredential Credential);

/// <summary>Keeps the ends of issued credentials in the order of time, over all organizations.</summary>
public interface ICredentialEnds
{
    /// <summary>Notes a credential whose end is known; the same one again changes nothing.</summary>
    Task FileAsync(CredentialEnd end, CancellationToken cancellationToken);

    /// <summary>Those that have ended by now and that nobody has taken, oldest first. What ended more than two days ago is not looked for.</summary>
    IAsyncEnumerable<Versioned<CredentialEnd>> EndedAsync(DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Keeps others from it until a time; null when somebody else took it, or it is gone.</summary>
    Task<Versioned<CredentialEnd>?> TakeAsync(Versioned<CredentialEnd> end, DateTimeOffset until, CancellationToken cancellationToken);

    /// <summary>Takes the note of one that was taken out.</summary>
    Task RemoveAsync(Versioned<CredentialEnd> end, CancellationToken cancellationToken);
}
