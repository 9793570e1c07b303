using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Backup;

/// <summary>A backup: JSON Lines, a header, one line for each row, and a trailer with the hash of all of it.
/// It finds what was damaged or cut off. It is not signed: whoever can write the file can write another one.</summary>
internal static class BackupFile
{
    public const string Format = "kontext-backup";
    public const int Version = 1;

    /// <summary>Writes a new file that only its owner can read. A file that is there already is not replaced.</summary>
    public static async Task<BackupTrailer> WriteAsync(string path, BackupHeader header, IAsyncEnumerable<(string Table, TableRow Row)> rows, CancellationToken cancellationToken)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 1 << 16, Options = FileOptions.Asynchronous };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        await using var file = new FileStream(path, options);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var tally = new BackupTally();
        await LineAsync(JsonSerializer.Serialize(header, BackupJson.Default.BackupHeader));
        await foreach (var (table, row) in rows.WithCancellation(cancellationToken))
        {
            var line = BackupRow.Write(table, row);
            tally.Add(table, line);
            await LineAsync(line);
        }
        var trailer = new BackupTrailer(tally.Tables, Convert.ToHexStringLower(hash.GetHashAndReset()));
        await LineAsync(JsonSerializer.Serialize(trailer, BackupJson.Default.BackupTrailer));
        await file.FlushAsync(cancellationToken);
        file.Flush(flushToDisk: true);
        return trailer;

        async Task LineAsync(string line)
        {
            var bytes = Encoding.UTF8.GetBytes(line + "\n");
            hash.AppendData(bytes);
            await file.WriteAsync(bytes, cancellationToken);
        }
    }

    /// <summary>Reads a file to its end and checks that it is whole.</summary>
    /// <exception cref="InvalidDataException">It is not; the message says where.</exception>
    public static async Task<(BackupHeader Header, BackupTrailer Trailer)> VerifyAsync(string path, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var tally = new BackupTally();
        BackupHeader? header = null;
        BackupTrailer? trailer = null;
        var number = 0;
        await foreach (var line in File.ReadLinesAsync(path, cancellationToken))
        {
            number++;
            if (trailer is not null)
                throw new InvalidDataException($"Line {number} comes after the end.");
            if (header is null)
                header = HeaderOf(line);
            else if ((trailer = TrailerOf(line)) is null)
                tally.Add(RowOf(line, number).Table, line);
            if (trailer is null)
                hash.AppendData(Encoding.UTF8.GetBytes(line + "\n"));
        }
        if (header is null || trailer is null)
            throw new InvalidDataException($"It ends after line {number}, before its last line.");
        if (Convert.ToHexStringLower(hash.GetHashAndReset()) != trailer.Sha256)
            throw new InvalidDataException("Its contents do not match its hash: something was changed, removed or added.");
        return SameAs(tally.Tables, trailer.Tables) is { } table
            ? throw new InvalidDataException($"The rows of table {table} do not match its sum.")
            : (header, trailer);
    }

    /// <summary>The rows of a file that has been verified.</summary>
    public static async IAsyncEnumerable<(string Table, TableRow Row)> RowsAsync(string path, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var number = 0;
        await foreach (var line in File.ReadLinesAsync(path, cancellationToken))
        {
            if (++number > 1 && TrailerOf(line) is null)
                yield return RowOf(line, number);
        }
    }

    /// <summary>The first table that differs between the two; null when they are the same.</summary>
    public static string? SameAs(SortedDictionary<string, BackupTable> one, SortedDictionary<string, BackupTable> other) =>
        one.Keys.Union(other.Keys).Order(StringComparer.Ordinal).FirstOrDefault(table => one.GetValueOrDefault(table) != other.GetValueOrDefault(table));

    private static BackupHeader HeaderOf(string line)
    {
        try
        {
            if (JsonSerializer.Deserialize(line, BackupJson.Default.BackupHeader) is { Format: Format } header)
                return header.Version == Version ? header : throw new InvalidDataException($"Its format is version {header.Version}; this program reads version {Version}.");
        }
        catch (JsonException)
        {
            // Not ours, then.
        }
        throw new InvalidDataException("It is not a backup of Kontext.");
    }

    private static BackupTrailer? TrailerOf(string line)
    {
        if (!line.StartsWith("""{"tables":""", StringComparison.Ordinal))
            return null;
        try
        {
            return JsonSerializer.Deserialize(line, BackupJson.Default.BackupTrailer);
        }
        catch (JsonException)
        {
            throw new InvalidDataException("Its last line is damaged.");
        }
    }

    private static (string Table, TableRow Row) RowOf(string line, int number)
    {
        try
        {
            return BackupRow.Read(line);
        }
        catch (InvalidDataException wrong)
        {
            throw new InvalidDataException($"Line {number} is not a row.", wrong);
        }
    }
}
