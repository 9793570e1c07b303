namespace Kontext.Domain;

/// <summary>An unguessable handle that names its kind and its organization, <c>kind_organization.random</c>, so that its row is found without a table over all tenants.</summary>
public static class OrgHandle
{
    /// <summary>Authorization codes.</summary>
    public const string AuthorizationCode = "kac";

    /// <summary>Device codes.</summary>
    public const string DeviceCode = "kdc";

    /// <summary>Browser sessions.</summary>
    public const string BrowserSession = "kbs";

    /// <summary>Connect sessions.</summary>
    public const string ConnectSession = "kcs";

    /// <summary>States of authorizations under way at a provider.</summary>
    public const string ConnectState = "kst";

    /// <summary>States of sign-ins under way at an identity provider.</summary>
    public const string SignInState = "ksi";

    /// <summary>A new handle.</summary>
    public static string New(OrgId org, string kind) => $"{kind}_{org.Value:N}.{RandomValue.Token()}";

    /// <summary>The organization a handle claims to be of; whether there is such a handle only its row can tell. False when it is no handle of this kind.</summary>
    public static bool TryRead(string? handle, string kind, out OrgId org)
    {
        org = default;
        if (handle is null || handle.Length is < 40 or > 128 || !handle.StartsWith(kind + "_", StringComparison.Ordinal))
            return false;
        var rest = handle.AsSpan(kind.Length + 1);
        if (rest.IndexOf('.') != 32 || !Guid.TryParseExact(rest[..32], "N", out var value))
            return false;
        org = new OrgId(value);
        return true;
    }
}
