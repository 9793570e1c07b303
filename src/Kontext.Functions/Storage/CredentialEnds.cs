using System.Globalization;
using System.Runtime.CompilerServices;
using Kontext.Domain;
using Kontext.Domain.Revocations;

namespace Kontext.Functions.Storage;

/// <summary>Ends of issued credentials, as <see cref="DueNotes"/>. Whoever takes one writes until when into its row.</summary>
internal sealed class CredentialEnds(ITableSource tables) : ICredentialEnds
{
    private const string OrgProperty = "org";
    private const string TakenProperty = "taken";
    private static readonly TimeSpan LookBack = TimeSpan.FromDays(2);

    private readonly DueNotes notes = new(tables, "credentialends");
    private readonly DocumentTable<IssuedCredential> documents = new(tables.Open("credentialends"), StoredJson.Default.IssuedCredential);

    /// <inheritdoc/>
    public Task FileAsync(CredentialEnd end, CancellationToken cancellationToken)
    {
        var place = PlaceOf(end);
        return notes.FileAsync(place, new Dictionary<string, object>(documents.RowOf("", "", end.Credential).Properties, StringComparer.Ordinal) { [OrgProperty] = end.Org.ToString() }, cancellationToken);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<Versioned<CredentialEnd>> EndedAsync(DateTimeOffset now, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var row in notes.DueAsync(now, LookBack, cancellationToken))
        {
            if (!(row.Properties.TryGetValue(TakenProperty, out var taken) && (DateTimeOffset)taken > now))
                yield return new Versioned<CredentialEnd>(new CredentialEnd(OrgId.Parse((string)row.Properties[OrgProperty], null), documents.Read(row).Value), row.ETag!) { Origin = row };
        }
    }

    /// <inheritdoc/>
    public async Task<Versioned<CredentialEnd>?> TakeAsync(Versioned<CredentialEnd> end, DateTimeOffset until, CancellationToken cancellationToken)
    {
        var row = (TableRow)end.Origin!;
        var write = await notes.ReplaceAsync(row with { Properties = new Dictionary<string, object>(row.Properties, StringComparer.Ordinal) { [TakenProperty] = until } }, cancellationToken);
        return write.Ok ? end with { Version = write.ETag! } : null;
    }

    /// <inheritdoc/>
    public Task RemoveAsync(Versioned<CredentialEnd> end, CancellationToken cancellationToken) => notes.RemoveAsync(PlaceOf(end.Value), end.Version, cancellationToken);

    private static DuePlace PlaceOf(CredentialEnd end)
    {
        var credential = end.Credential;
        var (session, user, at) = (credential.Session ?? default, credential.User ?? default, credential.EndsAt!.Value);
        var spread = (session == default ? user == default ? credential.Application.Value : user.Value : session.Value).ToByteArray()[15] % DueNotes.Shards;
        return new DuePlace(end.Org, at, spread, string.Create(CultureInfo.InvariantCulture, $"{credential.Application.Value:N}~{session.Value:N}~{user.Value:N}~{credential.Integration.Value:N}~{at.UtcTicks:x16}"));
    }
}
