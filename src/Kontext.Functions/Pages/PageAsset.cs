using System.Security.Cryptography;

namespace Kontext.Functions.Pages;

/// <summary>A file the pages use, compiled into the program. Its address carries a hash of its content, so that browsers may keep it for good.</summary>
internal sealed class PageAsset
{
    /// <summary>The stylesheet of all pages.</summary>
    public static readonly PageAsset Stylesheet = new("kontext", "css", "text/css; charset=utf-8");

    /// <summary>The mark in the browser's tab.</summary>
    public static readonly PageAsset Icon = new("kontext", "svg", "image/svg+xml");

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
    public static PageAsset? Find(string fileName) =>
        fileName == Stylesheet.FileName ? Stylesheet
        : fileName == Icon.FileName ? Icon
        : null;
}
