using System.Globalization;

namespace Kontext.Functions.Limits;

/// <summary><c>Kontext__Limits__...</c> and <c>Kontext__TrustedProxies</c>: how many attempts are let through, and how callers are told apart.</summary>
/// <param name="FailuresPerMinute">Failed authentications and wrong codes or tokens of one client from one network. Successes are not counted.</param>
/// <param name="CreationsPerMinute">What one network may make without having authenticated as somebody known: registrations, sign-ins, connect sessions.</param>
/// <param name="TrustedProxies">How many proxies of the operator's stand before the program, each of which appends the address it was called from to X-Forwarded-For. With none the header is ignored.</param>
internal sealed record LimitSettings(int FailuresPerMinute, int CreationsPerMinute, int TrustedProxies)
{
    /// <summary><c>Kontext__Limits__ApiRequestsPerMinute</c>: requests to the management API by one person, or by one service account, that one instance lets through.</summary>
    public int ApiRequestsPerMinute { get; init; } = 3_000;

    /// <summary><c>Kontext__Limits__ConcurrentRequests</c>: requests that one instance works on at a time, streams that wait for changes aside.</summary>
    public int ConcurrentRequests { get; init; } = 1_000;

    /// <summary>What holds when nothing is set. A guess at a secret of 256 bits succeeds at no rate; the limits keep floods of them cheap, and offices behind one address working.</summary>
    public static readonly LimitSettings Default = new(300, 600, 0);

    /// <summary>What agents may ask of gateway and proxy.</summary>
    public CallSettings Calls { get; init; } = CallSettings.Default;

    /// <summary>Reads and checks.</summary>
    /// <param name="kontext">The section <c>Kontext</c>.</param>
    /// <param name="underHost">The Functions host stands before the program, and passes on what the platform's front end said.</param>
    /// <exception cref="InvalidSettingException">A setting is wrong.</exception>
    public static LimitSettings Read(IConfigurationSection kontext, bool underHost) => new(
        Number(kontext, "Limits:FailuresPerMinute", Default.FailuresPerMinute, 1, 1_000_000),
        Number(kontext, "Limits:CreationsPerMinute", Default.CreationsPerMinute, 1, 1_000_000),
        Number(kontext, "TrustedProxies", underHost ? 1 : Default.TrustedProxies, 0, 10))
    {
        Calls = CallSettings.Read(kontext),
        ConcurrentRequests = Number(kontext, "Limits:ConcurrentRequests", Default.ConcurrentRequests, 1, 100_000),
        ApiRequestsPerMinute = Number(kontext, "Limits:ApiRequestsPerMinute", Default.ApiRequestsPerMinute, 1, 1_000_000),
    };

    private static int Number(IConfigurationSection section, string name, int otherwise, int least, int most) => section[name] switch
    {
        null or "" => otherwise,
        var text when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most => number,
        _ => throw new InvalidSettingException($"Kontext__{name.Replace(":", "__", StringComparison.Ordinal)} has to be a number from {least} to {most}."),
    };
}
