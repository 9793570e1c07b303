using Kontext.Functions.Settings;

namespace Kontext.Functions.Commands;

/// <summary><c>settings</c>: prints every setting there is, as the table of docs/settings.md.</summary>
internal static class SettingsCommand
{
    public static int Run(TextWriter output)
    {
        foreach (var line in KnownSettings.Table())
            output.WriteLine(line);
        return CommandLine.Ok;
    }
}
