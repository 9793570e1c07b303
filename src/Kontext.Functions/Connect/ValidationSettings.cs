using System.Globalization;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Connect;

/// <summary><c>Kontext__Validation__...</c>: how long nothing may be heard of a connection before its service is asked.</summary>
internal static class ValidationSettings
{
    /// <summary>What holds when nothing is set: a week.</summary>
    public static readonly Staleness Default = new(TimeSpan.FromDays(7));

    private const int Most = 3650;

    /// <summary>Reads and checks.</summary>
    /// <exception cref="InvalidSettingException">A setting is wrong.</exception>
    public static Staleness Read(IConfigurationSection section) => section["StaleAfterDays"] switch
    {
        null or "" => Default,
        var text when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var days) && days <= Most => new Staleness(TimeSpan.FromDays(days)),
        _ => throw new InvalidSettingException($"Kontext__Validation__StaleAfterDays has to be a number from 0 to {Most}."),
    };
}
