using Kontext.Functions.Retention;
using Microsoft.Extensions.Configuration;

namespace Kontext.Functions.Tests.Retention;

/// <summary>The settings of audit retention, each refused with its name when it is wrong.</summary>
public sealed class AuditSettingsTests
{
    private const string Account = "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=a2V5;";

    [Fact]
    public void Without_settings_everything_is_kept() => Assert.Equal(AuditSettings.Default, Read(null, null));

    [Fact]
    public void A_period_without_an_archive_stops_the_start() =>
        Assert.Contains("Kontext__Audit__Archive", Assert.Throws<InvalidSettingException>(() => Read("30", null)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("1.5")]
    [InlineData("for ever")]
    [InlineData("36501")]
    public void A_period_is_a_number_of_days(string days) =>
        Assert.Contains("Kontext__Audit__RetentionDays", Assert.Throws<InvalidSettingException>(() => Read(days, "/var/archive")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("http://acme.blob.core.windows.net/audit")]
    [InlineData("https://acme.blob.core.windows.net")]
    [InlineData("https://acme.blob.core.windows.net/audit/deeper")]
    [InlineData("https://acme.blob.core.windows.net/audit?sv=signature")]
    [InlineData("https://acme.blob.core.windows.net/Audit")]
    [InlineData("ftp://acme/audit")]
    [InlineData("http://127.0.0.1:10000/other/audit")]
    public void An_address_is_that_of_a_container(string archive) =>
        Assert.Contains("Kontext__Audit__Archive", Assert.Throws<InvalidSettingException>(() => Read("30", archive)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("https://acme.blob.core.windows.net/audit", Account, true)]
    [InlineData("https://acme.blob.core.windows.net/audit/", "https://acme.table.core.windows.net", false)]
    [InlineData("https://elsewhere.blob.core.windows.net/audit", Account, false)]
    [InlineData("http://127.0.0.1:10000/devstoreaccount1/audit", "UseDevelopmentStorage=true", true)]
    public void A_key_is_used_for_its_own_account_alone(string archive, string storage, bool withKey) =>
        Assert.Equal(withKey, Read("30", archive, storage).Archive!.Account is not null);

    [Fact]
    public void Anything_else_is_a_directory() => Assert.Equal(Path.GetFullPath("archive"), Read("30", "archive").Archive!.Directory);

    private static AuditSettings Read(string? days, string? archive, string storage = "memory") => AuditSettings.Read(
        new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["Audit:RetentionDays"] = days, ["Audit:Archive"] = archive }).Build().GetSection("Audit"), storage);
}
