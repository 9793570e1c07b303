using System.Text.RegularExpressions;
using Kontext.Functions.Account;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Account;

/// <summary>What people enter in a password field is known to be a secret wherever a form is sent back.</summary>
public sealed partial class SecretFieldsTests
{
    [Fact]
    public void Every_password_field_of_our_pages_is_known()
    {
        var names = Directory.EnumerateFiles(RepositoryFiles.Path("src", "Kontext.Functions"), "*.razor", SearchOption.AllDirectories)
            .SelectMany(file => PasswordField().Matches(File.ReadAllText(file))).Select(match => match.Groups["name"].Value).Distinct().ToList();
        Assert.Contains("serverToken", names);
        Assert.Contains("token", names);
        Assert.All(names, name => Assert.NotNull(SecretFields.LabelOf(name)));
        Assert.NotNull(SecretFields.LabelOf("field:apiKey"));
        Assert.Null(SecretFields.LabelOf("name"));
    }

    // Names that are put together (the fields of a credential, those of the question itself) have no quotation mark before their first letter.
    [GeneratedRegex("<(?:Field|input)[^>]*\\b[nN]ame=\"(?<name>[a-zA-Z.]+)\"[^>]*\\b[tT]ype=\"password\"")]
    private static partial Regex PasswordField();
}
