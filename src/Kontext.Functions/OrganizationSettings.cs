using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Kontext.Functions.SignIn;

namespace Kontext.Functions;

/// <summary>An organization of this installation: a tenant with people, applications and a sign-in provider of its own.</summary>
/// <param name="Slug">Its short name in addresses and settings.</param>
/// <param name="Name">Its name as people read it.</param>
/// <param name="SignIn">The provider its people sign in through; null only in Development.</param>
internal sealed partial record OrganizationSettings(string Slug, string Name, SignInSettings? SignIn)
{
    /// <summary><c>Kontext__Organizations__{slug}__Name</c> and <c>Kontext__Organizations__{slug}__SignIn__...</c>: the organizations besides the first one.</summary>
    /// <exception cref="InvalidSettingException">Something is missing or wrong; the message names it.</exception>
    public static ImmutableArray<OrganizationSettings> ReadOthers(IConfigurationSection section, string first, bool withProvider)
    {
        var others = ImmutableArray.CreateBuilder<OrganizationSettings>();
        foreach (var child in section.GetChildren())
        {
            // App settings of a Linux app have no hyphens, and slugs have no underscores.
            var slug = child.Key.ToLowerInvariant().Replace('_', '-');
            if (!Slugs().IsMatch(slug) || slug == first)
                throw new InvalidSettingException($"Kontext__Organizations__{child.Key} has to be named by 1 to 63 of the characters a-z, 0-9 and - (or _ in its place), and not like Kontext__Organization.");
            if (others.Any(other => other.Slug == slug))
                throw new InvalidSettingException($"Kontext__Organizations__{child.Key} is there twice, once with - and once with _.");
            var signIn = SignInSettings.Read(child.GetSection("SignIn"));
            // One organization's people signing in by name alone would be a hole in an installation that has others' providers.
            if (signIn is null == withProvider)
                throw new InvalidSettingException($"Kontext__Organizations__{child.Key}__SignIn__Issuer {(withProvider ? "is missing: every organization needs a provider" : "is set, but Kontext__SignIn__Issuer is not: every organization needs a provider, or none in Development")}.");
            others.Add(new OrganizationSettings(slug, child["Name"]?.Trim() is { Length: > 0 } name ? name : slug, signIn));
        }
        return others.ToImmutable();
    }

    [GeneratedRegex("^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\\z", RegexOptions.CultureInvariant)]
    private static partial Regex Slugs();
}
