using System.Runtime.InteropServices;

namespace Kontext.Functions.Local;

/// <summary>Gives a complete file its name unless the name is taken, in one step that the operating system guarantees. File.Move cannot be used on Unix: it looks first and renames then, and two processes that look at the same time both rename.</summary>
internal static class FileClaim
{
    private const int Exists = 17;

    /// <summary>True when the name is now this file's; false when another file had it first.</summary>
    public static bool TryTake(string file, string name)
    {
        if (OperatingSystem.IsWindows())
            return TryMove(file, name);
        if (Link(file, name) == 0)
            return true;
        var error = Marshal.GetLastPInvokeError();
        return error == Exists ? false : throw new IOException($"{name} cannot be created: {Marshal.GetPInvokeErrorMessage(error)}.");
    }

    private static bool TryMove(string file, string name)
    {
        try
        {
            File.Move(file, name, overwrite: false);
            return true;
        }
        catch (IOException) when (File.Exists(name))
        {
            return false;
        }
    }

    [DllImport("libc", EntryPoint = "link", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Link([MarshalAs(UnmanagedType.LPUTF8Str)] string existing, [MarshalAs(UnmanagedType.LPUTF8Str)] string created);
}
