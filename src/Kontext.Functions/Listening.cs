using System.Globalization;
using System.Text;

namespace Kontext.Functions;

/// <summary>Where the program listens, and what it puts up with from a connection.</summary>
internal static class Listening
{
    /// <summary>Bodies above this are refused, long before the Functions host would answer 500 at a limit of its own.</summary>
    public const long MaxRequestBytes = 8 * 1024 * 1024;

    /// <summary>Sets the address and the limits. Addresses given in the settings (<c>ASPNETCORE_URLS</c>) win, except under the Functions host.</summary>
    public static void Configure(WebApplicationBuilder builder, KontextSettings settings)
    {
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = MaxRequestBytes;
            // Services' answers carry names in headers as bytes beyond ASCII, which are passed on as they are.
            kestrel.ResponseHeaderEncodingSelector = static _ => Encoding.Latin1;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);
        });

        // The Functions host hands its own ASPNETCORE_URLS down to the handler, which must not try to bind them.
        if (settings.HandlerPort is { } handlerPort)
            builder.WebHost.UseUrls(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{handlerPort}"));
        else if (settings.Development && !HasAddress(builder.Configuration))
            builder.WebHost.UseUrls(string.Create(CultureInfo.InvariantCulture, $"http://localhost:{settings.PublicUrl.Port}"));
    }

    private static bool HasAddress(ConfigurationManager configuration) =>
        !string.IsNullOrEmpty(configuration[WebHostDefaults.ServerUrlsKey]) || !string.IsNullOrEmpty(configuration[WebHostDefaults.HttpPortsKey]);
}
