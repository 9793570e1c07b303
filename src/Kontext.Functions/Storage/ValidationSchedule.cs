using System.Runtime.CompilerServices;
using Kontext.Domain;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Storage;

/// <summary>Notes of what is to be asked about, kept as those of refreshes are, in tables of their own.</summary>
internal sealed class ValidationSchedule(ITableSource tables) : IValidationSchedule
{
    private readonly RefreshSchedule notes = new(tables, "validationdue");

    /// <inheritdoc/>
    public Task FileAsync(DueValidation due, CancellationToken cancellationToken) => notes.FileAsync(NoteOf(due), cancellationToken);

    /// <inheritdoc/>
    public async IAsyncEnumerable<Versioned<DueValidation>> DueAsync(DateTimeOffset now, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var note in notes.DueAsync(now, cancellationToken))
            yield return new Versioned<DueValidation>(Of(note.Value), note.Version);
    }

    /// <inheritdoc/>
    public async Task<Versioned<DueValidation>?> FindAsync(DueValidation due, CancellationToken cancellationToken) =>
        await notes.FindAsync(NoteOf(due), cancellationToken) is { } note ? new Versioned<DueValidation>(due, note.Version) : null;

    /// <inheritdoc/>
    public Task ForgetAsync(DateTimeOffset before, CancellationToken cancellationToken) => notes.ForgetAsync(before, cancellationToken);

    /// <inheritdoc/>
    public Task RemoveAsync(Versioned<DueValidation> due, CancellationToken cancellationToken) =>
        notes.RemoveAsync(new Versioned<DueRefresh>(NoteOf(due.Value), due.Version), cancellationToken);

    private static DueRefresh NoteOf(DueValidation due) => new(due.Org, due.User, due.Integration, due.Connection, due.HeardAt, due.DueAt);

    private static DueValidation Of(DueRefresh note) => new(note.Org, note.User, note.Integration, note.Connection, note.ExpiresAt, note.DueAt);
}
