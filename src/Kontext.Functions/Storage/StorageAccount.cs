using System.Data.Common;

namespace Kontext.Functions.Storage;

/// <summary>Where a table or queue service is and how to prove that we may use it.</summary>
/// <param name="Endpoint">The service's address; ends with a slash.</param>
/// <param name="Name">The account's name, for shared key authorization; null when Entra ID vouches for us.</param>
/// <param name="Key">The account's key; null when Entra ID vouches for us.</param>
internal sealed record StorageAccount(Uri Endpoint, string? Name, Domain.Secret? Key)
{
    private const string DevelopmentName = "devstoreaccount1";

    // Published with the emulator and the same everywhere: it protects nothing.
    private const string DevelopmentKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    /// <summary>Reads <c>Kontext__Storage</c>: a connection string or the https address of a table service.</summary>
    /// <exception cref="InvalidSettingException">It is neither.</exception>
    public static StorageAccount Parse(string setting) => Parse(setting, "table", 10002, new Wrong("Kontext__Storage", "memory, a storage connection string or the https address of a table service"));

    /// <summary>Reads <c>KontextQueue</c>: a connection string or the https address of a queue service. With nothing but the table service's address, the queues are in the same account.</summary>
    /// <exception cref="InvalidSettingException">It is neither.</exception>
    public static StorageAccount ParseQueue(string setting) => Parse(
        setting.StartsWith("https://", StringComparison.OrdinalIgnoreCase) ? setting.Replace(".table.", ".queue.", StringComparison.OrdinalIgnoreCase) : setting,
        "queue", 10001, new Wrong("KontextQueue", "a storage connection string; for Entra ID set KontextQueue__queueServiceUri to the https address of a queue service"));

    private static StorageAccount Parse(string setting, string service, int developmentPort, Wrong wrong)
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
            throw wrong.Because("it is not a connection string");
        }
        if (Part(parts, "UseDevelopmentStorage") is { } development && bool.TryParse(development, out var useDevelopment) && useDevelopment)
            return new StorageAccount(new Uri(FormattableString.Invariant($"http://127.0.0.1:{developmentPort}/{DevelopmentName}/")), DevelopmentName, new Domain.Secret(DevelopmentKey));

        var name = Part(parts, "AccountName") ?? throw wrong.Because("AccountName is missing");
        var key = Part(parts, "AccountKey") ?? throw wrong.Because($"AccountKey is missing; for Entra ID give the https address of the {service} service instead");
        if (!Convert.TryFromBase64String(key, new byte[key.Length], out _))
            throw wrong.Because("AccountKey is not base64");
        var endpoint = Part(parts, service + "Endpoint")
            ?? $"{Part(parts, "DefaultEndpointsProtocol") ?? "https"}://{name}.{service}.{Part(parts, "EndpointSuffix") ?? "core.windows.net"}";
        return Uri.TryCreate(endpoint, UriKind.Absolute, out var found) && (found.Scheme == Uri.UriSchemeHttps || found.Scheme == Uri.UriSchemeHttp)
            ? new StorageAccount(WithSlash(found), name, new Domain.Secret(key))
            : throw wrong.Because($"{char.ToUpperInvariant(service[0])}{service[1..]}Endpoint is not an http or https address");
    }

    private static string? Part(DbConnectionStringBuilder parts, string name) =>
        parts.TryGetValue(name, out var value) && value is string { Length: > 0 } text ? text : null;

    private static Uri WithSlash(Uri address) =>
        new(address.GetLeftPart(UriPartial.Path).TrimEnd('/') + "/");

    private sealed record Wrong(string Name, string Expected)
    {
        public InvalidSettingException Because(string why) => new($"{Name} has to be {Expected}: {why}.");
    }
}
