namespace Kontext.Functions;

/// <summary>The one CORS policy: browser-based clients may call what carries its authentication in the request itself, from any origin and without cookies.</summary>
internal static class PublicCors
{
    /// <summary>Its name.</summary>
    public const string Policy = "public";

    /// <summary>Registers it.</summary>
    public static IServiceCollection AddPublicCors(this IServiceCollection services) => services.AddCors(options => options.AddPolicy(Policy, policy => policy
        .AllowAnyOrigin()
        .AllowAnyHeader()
        .WithMethods("GET", "POST", "PUT", "PATCH", "DELETE")
        .WithExposedHeaders("WWW-Authenticate", "DPoP-Nonce", "Mcp-Session-Id", "MCP-Protocol-Version", "Retry-After", "X-Request-Id")
        .SetPreflightMaxAge(TimeSpan.FromHours(1))));
}
