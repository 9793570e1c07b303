namespace Kontext.Functions.Tests.Local;

/// <summary>A folder for keys that is gone after the test.</summary>
internal sealed class KeyFolder : IDisposable
{
    public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"kontext-keys-{Guid.NewGuid():N}");

    public void Dispose()
    {
        if (Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
    }
}
