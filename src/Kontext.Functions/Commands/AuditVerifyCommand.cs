using System.Globalization;
using Kontext.Domain.Audit;

namespace Kontext.Functions.Commands;

/// <summary><c>audit verify</c>: checks an export with public keys alone. It reads two files and no setting, and opens no connection.</summary>
internal static class AuditVerifyCommand
{
    public static int Run(string file, string? keysFile, TextWriter output, TextWriter error)
    {
        try
        {
            Dictionary<string, AuditKey>? trusted = null;
            if (keysFile is not null && !AuditKey.ReadSet(File.ReadAllText(keysFile)).TryGet(out trusted, out var failure))
                return NotTried(error, keysFile, failure.Message);
            if (!AuditExportVerification.Run(() => File.ReadLines(file), trusted).TryGet(out var verdict, out failure))
                return NotTried(error, file, failure.Message);
            if (verdict.Fault is { } fault)
            {
                error.WriteLine(Say($"REFUTED: {file} does not hold."));
                error.WriteLine(Say($"line {fault.Line}{(fault.Chain is null ? "" : Say($", chain {fault.Chain}, sequence {fault.Sequence}"))}: {fault.Reason}"));
                return CommandLine.Refuted;
            }
            Report(file, verdict, keysFile, output);
            return CommandLine.Ok;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return NotTried(error, file, unreadable.Message);
        }
    }

    private static void Report(string file, AuditExportVerdict verdict, string? keysFile, TextWriter output)
    {
        var header = verdict.Header;
        output.WriteLine(Say($"VERIFIED: {file} holds."));
        output.WriteLine(Say($"organization  {header.Org}, exported by {header.Issuer} at {header.ExportedAt:yyyy-MM-dd HH:mm:ss}Z"));
        output.WriteLine(Say($"period        {header.From:yyyy-MM-dd} to {header.To:yyyy-MM-dd}, whole days, UTC"));
        output.WriteLine(Say($"entries       {verdict.Entries}, and {verdict.EntriesBefore} of the day before"));
        output.WriteLine(Say($"chains        {verdict.Chains}"));
        output.WriteLine(Say($"checkpoints   {verdict.Checkpoints}{(verdict.LastCheckpoint is { } at ? Say($", the newest of {at:yyyy-MM-dd HH:mm:ss}Z") : "")}"));
        output.WriteLine(Say($"signed by     {string.Join(", ", verdict.SignedBy)}"));
        output.WriteLine(keysFile is not null
            ? Say($"keys          those in {keysFile}")
            : Say($"keys          those in the file itself: anybody can sign with a key of their own. Check again with --keys and {header.Issuer}/.well-known/jwks.json, or keys you kept."));
    }

    private static int NotTried(TextWriter error, string file, string why)
    {
        error.WriteLine(Say($"{file} cannot be checked: {why}"));
        return CommandLine.NotTried;
    }

    // Names in the file are anybody's words: they must not steer the terminal.
    private static string Say(FormattableString text) => string.Concat(text.ToString(CultureInfo.InvariantCulture).Select(letter => char.IsControl(letter) ? '?' : letter));
}
