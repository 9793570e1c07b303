using System.Diagnostics.CodeAnalysis;

namespace Kontext.Domain;

/// <summary>What all ids have in common: a UUID on the wire (contract 1.1), a type of its own in code.</summary>
/// <typeparam name="TSelf">The id's own type.</typeparam>
public interface IId<TSelf>
    where TSelf : struct, IId<TSelf>
{
    /// <summary>The UUID.</summary>
    Guid Value { get; }

    /// <summary>Gives a UUID its kind.</summary>
    static abstract TSelf From(Guid value);
}

/// <summary>Reads and makes ids of any kind.</summary>
public static class Ids
{
    /// <summary>A new id; UUID version 7, so that ids sort by the time they were made.</summary>
    public static TId New<TId>(DateTimeOffset now)
        where TId : struct, IId<TId> => TId.From(Guid.CreateVersion7(now));

    /// <summary>The same id for the same name, in every process and for ever (RFC 9562 version 8).</summary>
    public static TId Named<TId>(string name)
        where TId : struct, IId<TId>
    {
        var bytes = System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(name))[..16];
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x80);
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return TId.From(new Guid(bytes, bigEndian: true));
    }

    internal static bool TryParse<TId>(string? text, string prefix, out TId id)
        where TId : struct, IId<TId>
    {
        var uuid = text is null ? default : text.AsSpan();
        if (prefix.Length > 0 && uuid.StartsWith(prefix, StringComparison.Ordinal))
            uuid = uuid[prefix.Length..];
        var parsed = Guid.TryParseExact(uuid, "D", out var value);
        id = parsed ? TId.From(value) : default;
        return parsed;
    }
}

/// <summary>Names an application (an agent): its OAuth client id is <c>app_</c> followed by this id.</summary>
public readonly record struct AppId(Guid Value) : IId<AppId>, IParsable<AppId>
{
    /// <summary>The OAuth client id: <c>app_</c> and the UUID (contract 1.1).</summary>
    public string ClientId => $"app_{Value:D}";

    /// <inheritdoc/>
    public static AppId From(Guid value) => new(value);

    /// <inheritdoc/>
    public static AppId Parse(string s, IFormatProvider? provider) => TryParse(s, provider, out var id) ? id : throw new FormatException("Not a UUID.");

    /// <inheritdoc/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out AppId result) => Ids.TryParse(s, "app_", out result);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>Names a person's connection to one integration.</summary>
public readonly record struct ConnectionId(Guid Value) : IId<ConnectionId>, IParsable<ConnectionId>
{
    /// <inheritdoc/>
    public static ConnectionId From(Guid value) => new(value);

    /// <inheritdoc/>
    public static ConnectionId Parse(string s, IFormatProvider? provider) => TryParse(s, provider, out var id) ? id : throw new FormatException("Not a UUID.");

    /// <inheritdoc/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out ConnectionId result) => Ids.TryParse(s, "", out result);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>Names a cut-off by an administrator.</summary>
public readonly record struct CutOffId(Guid Value) : IId<CutOffId>, IParsable<CutOffId>
{
    /// <inheritdoc/>
    public static CutOffId From(Guid value) => new(value);

    /// <inheritdoc/>
    public static CutOffId Parse(string s, IFormatProvider? provider) => TryParse(s, provider, out var id) ? id : throw new FormatException("Not a UUID.");

    /// <inheritdoc/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out CutOffId result) => Ids.TryParse(s, "", out result);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>Names the delivery of one event to one webhook.</summary>
public readonly record struct DeliveryId(Guid Value) : IId<DeliveryId>, IParsable<DeliveryId>
{
    /// <inheritdoc/>
    public static DeliveryId From(Guid value) => new(value);

    /// <inheritdoc/>
    public static DeliveryId Parse(string s, IFormatProvider? provider) => TryParse(s, provider, out var id) ? id : throw new FormatException("Not a UUID.");

    /// <inheritdoc/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out DeliveryId result) => Ids.TryParse(s, "", out result);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>Names an integration: one external service as an organization uses it.</summary>
public readonly record struct IntegrationId(Guid Value) : IId<IntegrationId>, IParsable<IntegrationId>
{
    /// <inheritdoc/>
    public static IntegrationId From(Guid value) => new(value);

    /// <inheritdoc/>
    public static IntegrationId Parse(string s, IFormatProvider? provider) => TryParse(s, provider, out var id) ? id : throw new FormatException("Not a UUID.");

    /// <inheritdoc/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out IntegrationId result) => Ids.TryParse(s, "", out result);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>Names an organization, the tenant that everything else belongs to.</summary>
public readonly record struct OrgId(Guid Value) : IId<OrgId>, IParsable<OrgId>
{
    /// <inheritdoc/>
    public static OrgId From(Guid value) => new(value);

    /// <inheritdoc/>
    public static OrgId Parse(string s, IFormatProvider? provider) => TryParse(s, provider, out var id) ? id : throw new FormatException("Not a UUID.");

    /// <inheritdoc/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out OrgId result) => Ids.TryParse(s, "", out result);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>Names a grant that is still to be revoked at its provider.</summary>
public readonly record struct RevocationId(Guid Value) : IId<RevocationId>, IParsable<RevocationId>
{
    /// <inheritdoc/>
    public static RevocationId From(Guid value) => new(value);

    /// <inheritdoc/>
    public static RevocationId Parse(string s, IFormatProvider? provider) => TryParse(s, provider, out var id) ? id : throw new FormatException("Not a UUID.");

    /// <inheritdoc/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out RevocationId result) => Ids.TryParse(s, "", out result);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>Names a policy rule.</summary>
public readonly record struct RuleId(Guid Value) : IId<RuleId>, IParsable<RuleId>
{
    /// <inheritdoc/>
    public static RuleId From(Guid value) => new(value);

    /// <inheritdoc/>
    public static RuleId Parse(string s, IFormatProvider? provider) => TryParse(s, provider, out var id) ? id : throw new FormatException("Not a UUID.");

    /// <inheritdoc/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out RuleId result) => Ids.TryParse(s, "", out result);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>Names a service account: its OAuth client id is <c>sa_</c> followed by this id.</summary>
public readonly record struct ServiceAccountId(Guid Value) : IId<ServiceAccountId>, IParsable<ServiceAccountId>
{
    /// <summary>The OAuth client id: <c>sa_</c> and the UUID (contract 1.1).</summary>
    public string ClientId => $"sa_{Value:D}";

    /// <inheritdoc/>
    public static ServiceAccountId From(Guid value) => new(value);

    /// <inheritdoc/>
    public static ServiceAccountId Parse(string s, IFormatProvider? provider) => TryParse(s, provider, out var id) ? id : throw new FormatException("Not a UUID.");

    /// <inheritdoc/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out ServiceAccountId result) => Ids.TryParse(s, "sa_", out result);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>Names an agent session: what one approval created (<c>sid</c> in tokens).</summary>
public readonly record struct SessionId(Guid Value) : IId<SessionId>, IParsable<SessionId>
{
    /// <inheritdoc/>
    public static SessionId From(Guid value) => new(value);

    /// <inheritdoc/>
    public static SessionId Parse(string s, IFormatProvider? provider) => TryParse(s, provider, out var id) ? id : throw new FormatException("Not a UUID.");

    /// <inheritdoc/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out SessionId result) => Ids.TryParse(s, "", out result);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>Names a person of an organization.</summary>
public readonly record struct UserId(Guid Value) : IId<UserId>, IParsable<UserId>
{
    /// <inheritdoc/>
    public static UserId From(Guid value) => new(value);

    /// <inheritdoc/>
    public static UserId Parse(string s, IFormatProvider? provider) => TryParse(s, provider, out var id) ? id : throw new FormatException("Not a UUID.");

    /// <inheritdoc/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out UserId result) => Ids.TryParse(s, "", out result);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>Names an address that an organization wants events sent to.</summary>
public readonly record struct WebhookId(Guid Value) : IId<WebhookId>, IParsable<WebhookId>
{
    /// <inheritdoc/>
    public static WebhookId From(Guid value) => new(value);

    /// <inheritdoc/>
    public static WebhookId Parse(string s, IFormatProvider? provider) => TryParse(s, provider, out var id) ? id : throw new FormatException("Not a UUID.");

    /// <inheritdoc/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out WebhookId result) => Ids.TryParse(s, "", out result);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}
