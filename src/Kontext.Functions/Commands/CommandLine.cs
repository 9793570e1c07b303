namespace Kontext.Functions.Commands;

/// <summary>The words on the command line that make the program do one thing and end, instead of serving.</summary>
internal static class CommandLine
{
    /// <summary>Good.</summary>
    public const int Ok = 0;

    /// <summary>What was checked does not hold.</summary>
    public const int Refuted = 1;

    /// <summary>It could not be tried: wrong words, or a file that cannot be read.</summary>
    public const int NotTried = 2;

    /// <summary>Runs the command that the arguments are; false when they are for the server (<c>--name value</c>, <c>/name value</c>, <c>name=value</c>, or none).</summary>
    public static async Task<bool> HandlesAsync(string[] args)
    {
        if (args.Length == 0 || args[0].StartsWith('-') || args[0].StartsWith('/') || args[0].Contains('='))
            return false;
        Environment.ExitCode = await RunAsync(args, Console.Out, Console.Error);
        return true;
    }

    private static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error)
    {
        switch (args)
        {
            case ["audit", "verify", var file] when !file.StartsWith('-'):
                return AuditVerifyCommand.Run(file, null, output, error);
            case ["audit", "verify", var file, "--keys", var keys] when !file.StartsWith('-'):
                return AuditVerifyCommand.Run(file, keys, output, error);
            case ["audit", "verify", "--keys", var keys, var file]:
                return AuditVerifyCommand.Run(file, keys, output, error);
            case ["settings"]:
                return SettingsCommand.Run(output);
            case ["backup", "verify", var file] when !file.StartsWith('-'):
                return await BackupCommands.VerifyAsync(file, output, error);
            case ["backup", var file] when !file.StartsWith('-') && file != "verify":
                return await BackupCommands.BackUpAsync(file, null, output, error);
            case ["backup", var file, "--organization", var organization] when !file.StartsWith('-'):
                return await BackupCommands.BackUpAsync(file, organization, output, error);
            case ["restore", var file] when !file.StartsWith('-'):
                return await BackupCommands.RestoreAsync(file, output, error);
            case ["vault", "move", "--to", "keyvault" or "envelope"]:
                return await VaultMoveCommand.RunAsync(args[3], output, error, CancellationToken.None);
            case ["vault", "abandon", "--vault", var vault]:
                return await VaultAbandonCommand.RunAsync(vault, agreed: false, output, error, CancellationToken.None);
            case ["vault", "abandon", "--vault", var vault, "--yes"]:
                return await VaultAbandonCommand.RunAsync(vault, agreed: true, output, error, CancellationToken.None);
            default:
                error.WriteLine("""
                    Usage:
                      audit verify FILE [--keys JWKS_FILE]   checks an audit export, offline
                      backup FILE [--organization SLUG]      writes every row of Kontext__Storage to a file
                      backup verify FILE                     checks that such a file is whole, offline
                      restore FILE                           fills empty tables from it, and compares
                      settings                               lists every setting there is
                      vault abandon --vault NAME --yes       gives up what a lost key vault held, and makes new keys
                      vault move --to keyvault|envelope      moves every credential to the form that the settings name
                    Without words, or with --settings only, the program serves.
                    """);
                return NotTried;
        }
    }
}
