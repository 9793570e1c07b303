using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Kontext.Domain.Webhooks;

/// <summary>Signs messages as the Standard Webhooks specification says.</summary>
public static class WebhookSignature
{
    private const string Prefix = "whsec_";

    /// <summary>A new secret: 256 random bits as base64 behind <c>whsec_</c>.</summary>
    public static Secret NewSecret() => new(Prefix + Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)));

    /// <summary>The value of <c>webhook-signature</c>: one signature per secret, separated by spaces, so that a receiver with either of two secrets can verify.</summary>
    public static string Of(string messageId, DateTimeOffset at, string payload, IEnumerable<Secret> secrets)
    {
        var signed = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{messageId}.{at.ToUnixTimeSeconds()}.{payload}"));
        return string.Join(' ', secrets.Select(secret => "v1," + Convert.ToBase64String(HMACSHA256.HashData(KeyOf(secret), signed))));
    }

    private static byte[] KeyOf(Secret secret) => Convert.FromBase64String(secret.Reveal()[Prefix.Length..]);
}

/// <summary>When a delivery that was not taken is tried again (Standard Webhooks, "Deliverability and reliability").</summary>
public static class WebhookSchedule
{
    /// <summary>How long a delivery's row is kept.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromDays(30);

    private static readonly TimeSpan[] Waits =
    [
        TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(30), TimeSpan.FromHours(2),
        TimeSpan.FromHours(5), TimeSpan.FromHours(10), TimeSpan.FromHours(10),
    ];

    /// <summary>How long after the n-th attempt the next one comes; null when there is none. Up to a tenth longer, so that receivers that were down do not get everything at once.</summary>
    public static TimeSpan? After(int attempt) => attempt >= 1 && attempt <= Waits.Length
        ? Waits[attempt - 1] + TimeSpan.FromMilliseconds(RandomValue.Below((int)(Waits[attempt - 1].TotalMilliseconds / 10)))
        : null;
}
