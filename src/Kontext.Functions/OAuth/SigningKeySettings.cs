using System.Globalization;

namespace Kontext.Functions.OAuth;

/// <summary><c>Kontext__SigningKeys__...</c>: how often the signing key changes, and how long others may keep the key set.</summary>
/// <param name="RotateEvery"><c>RotateEveryDays</c>: the age at which a key is replaced on schedule; zero leaves it to administrators.</param>
/// <param name="CacheFor"><c>CacheSeconds</c>: how long whoever fetches the key set may keep it.</param>
internal sealed record SigningKeySettings(TimeSpan RotateEvery, TimeSpan CacheFor)
{
    /// <summary>What holds when nothing is set: 90 days, five minutes.</summary>
    public static readonly SigningKeySettings Default = new(TimeSpan.FromDays(90), TimeSpan.FromMinutes(5));

    /// <summary>How long a new key is published before it signs: until every cached key set has been fetched anew, on instances whose clocks differ.</summary>
    public TimeSpan PublishAhead => CacheFor + StoredKeyRing.ClockSkew;

    /// <summary>Reads and checks.</summary>
    /// <exception cref="InvalidSettingException">A setting is wrong.</exception>
    public static SigningKeySettings Read(IConfigurationSection section) => new(
        TimeSpan.FromDays(Number(section, "RotateEveryDays", (int)Default.RotateEvery.TotalDays, 3650)),
        TimeSpan.FromSeconds(Number(section, "CacheSeconds", (int)Default.CacheFor.TotalSeconds, 86_400)));

    private static int Number(IConfigurationSection section, string name, int otherwise, int most) => section[name] switch
    {
        null or "" => otherwise,
        var text when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= most => number,
        _ => throw new InvalidSettingException($"Kontext__SigningKeys__{name} has to be a number from 0 to {most}."),
    };
}
