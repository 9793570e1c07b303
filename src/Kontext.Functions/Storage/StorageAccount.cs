using System.Data.Common;

namespace Kontext.Functions.Storage;

/// <summary>Where a table service is and how to prove that we may use it, read from <c>Kontext__Storage</c>.</summary>
/// <param name="Endpoint">The table service's address; ends with a slash.</param>
/// <param name="Name">The account's name, for shared key authorization; null when Entra ID vouches for us.</param>
/// <param name="Key">The account's key; null when Entra ID vouches for us.</param>
internal sealed record StorageAccount(Uri Endpoint, string? Name, Domain.Secret? Key)
{
    private const string DevelopmentName = "devstoreaccount1";

    // Published with the emulator and the same everywhere: it protects nothing.
    private const string DevelopmentKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    /// <summary>Reads a connection string or the https address of a table service.</summary>
    /// <exception cref="InvalidSettingException">It is neither.</exception>
    public static StorageAccount Parse(string setting)
    {
        if (Uri.TryCreate(setting, UriKind.Absolute, out var address) && address.Scheme == Uri.UriSchemeHttps)
            return new StorageAccount(WithSlash(address), Name: null, Key: null);

        var parts = new DbConnectionStringBuilder();
        try
        {
            parts.ConnectionString = setting;
        }
        catch (ArgumentException)
        {
            throw Wrong("it is not a connection string");
        }
        if (Part(parts, "UseDevelopmentStorage") is { } development && bool.TryParse(development, out var useDevelopment) && useDevelopment)
            return new StorageAccount(new Uri($"http://127.0.0.1:10002/{DevelopmentName}/"), DevelopmentName, new Domain.Secret(DevelopmentKey));

        var name = Part(parts, "AccountName") ?? throw Wrong("AccountName is missing");
        var key = Part(parts, "AccountKey") ?? throw Wrong("AccountKey is missing; for Entra ID give the https address of the table service instead");
        if (!Convert.TryFromBase64String(key, new byte[key.Length], out _))
            throw Wrong("AccountKey is not base64");
        var endpoint = Part(parts, "TableEndpoint")
            ?? $"{Part(parts, "DefaultEndpointsProtocol") ?? "https"}://{name}.table.{Part(parts, "EndpointSuffix") ?? "core.windows.net"}";
        return Uri.TryCreate(endpoint, UriKind.Absolute, out var table) && (table.Scheme == Uri.UriSchemeHttps || table.Scheme == Uri.UriSchemeHttp)
            ? new StorageAccount(WithSlash(table), name, new Domain.Secret(key))
            : throw Wrong("TableEndpoint is not an http or https address");
    }

    private static string? Part(DbConnectionStringBuilder parts, string name) =>
        parts.TryGetValue(name, out var value) && value is string { Length: > 0 } text ? text : null;

    private static Uri WithSlash(Uri address) =>
        new(address.GetLeftPart(UriPartial.Path).TrimEnd('/') + "/");

    private static InvalidSettingException Wrong(string why) =>
        new($"Kontext__Storage has to be memory, a storage connection string or the https address of a table service: {why}.");
}
