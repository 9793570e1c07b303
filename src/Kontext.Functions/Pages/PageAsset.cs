using System.Collections.Frozen;
using System.Security.Cryptography;

namespace Kontext.Functions.Pages;

/// <summary>A file the pages use, compiled into the program. Its address carries a hash of its content, so that browsers may keep it for good.</summary>
internal sealed class PageAsset
{
    private const string StyleType = "text/css; charset=utf-8";
    private const string ScriptType = "text/javascript; charset=utf-8";

    /// <summary>The stylesheet of all pages.</summary>
    public static readonly PageAsset Stylesheet = new("kontext", "css", StyleType);

    /// <summary>What the administration pages have besides.</summary>
    public static readonly PageAsset ConsoleStyle = new("console", "css", StyleType);

    /// <summary>Shows new entries of a trail as they come.</summary>
    public static readonly PageAsset Live = new("live", "js", ScriptType);

    /// <summary>Narrows long lists of choices while one types.</summary>
    public static readonly PageAsset Narrow = new("narrow", "js", ScriptType);

    /// <summary>Copies what is shown once.</summary>
    public static readonly PageAsset Copy = new("copy", "js", ScriptType);

    /// <summary>The mark in the browser's tab.</summary>
    public static readonly PageAsset Icon = new("kontext", "svg", "image/svg+xml");

    /// <summary>Says points in time in the person's zone.</summary>
    public static readonly PageAsset Moments = new("moments", "js", ScriptType);

    /// <summary>Shows for a while what was just done.</summary>
    public static readonly PageAsset Toasts = new("toasts", "js", ScriptType);

    /// <summary>Sends forms without leaving the page, asks before what cannot be taken back, shows that something is under way.</summary>
    public static readonly PageAsset Forms = new("forms", "js", ScriptType);

    /// <summary>Finishes a connection with what the provider's redirect brought.</summary>
    public static readonly PageAsset Callback = new("callback", "js", ScriptType);

    private static readonly FrozenDictionary<string, PageAsset> ByFileName =
        new[] { Stylesheet, Icon, Moments, Toasts, Forms, Callback, ConsoleStyle, Live, Narrow, Copy }.ToFrozenDictionary(asset => asset.FileName, StringComparer.Ordinal);

    private PageAsset(string name, string extension, string mediaType)
    {
        using var resource = typeof(PageAsset).Assembly.GetManifestResourceStream($"assets/{name}.{extension}")
            ?? throw new InvalidOperationException($"The program was built without its asset {name}.{extension}.");
        using var bytes = new MemoryStream();
        resource.CopyTo(bytes);
        Content = bytes.ToArray();
        MediaType = mediaType;
        FileName = $"{name}-{Convert.ToHexStringLower(SHA256.HashData(Content)[..8])}.{extension}";
    }

    /// <summary>Last segment of its address.</summary>
    public string FileName { get; }

    /// <summary>Its address.</summary>
    public string Path => "/assets/" + FileName;

    /// <summary>Its media type.</summary>
    public string MediaType { get; }

    /// <summary>Its bytes.</summary>
    public byte[] Content { get; }

    /// <summary>The asset of this name, this version of it only; null when there is none.</summary>
    public static PageAsset? Find(string fileName) => ByFileName.GetValueOrDefault(fileName);
}
