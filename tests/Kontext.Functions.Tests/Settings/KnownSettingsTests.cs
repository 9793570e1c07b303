using System.Text.Json.Nodes;
using Kontext.Functions.Settings;
using Kontext.Functions.Upstream;
using Kontext.Testing;
using Microsoft.Extensions.Configuration;

namespace Kontext.Functions.Tests.Settings;

/// <summary>The list of settings is what the program reads, what the documentation says and what the samples set; anything else stops the start.</summary>
public sealed class KnownSettingsTests
{
    private static readonly Dictionary<string, string?> Least = new()
    {
        ["Kontext:Storage"] = "memory",
        ["Kontext:KeyDirectory"] = "keys",
        ["Kontext:SignIn:Issuer"] = "https://idp.example",
        ["Kontext:SignIn:ClientId"] = "kontext",
        ["Kontext:Organizations:acme:SignIn:Issuer"] = "https://acme.example",
        ["Kontext:Organizations:acme:SignIn:ClientId"] = "kontext",
        ["Providers:github:ClientId"] = "kontext",
    };

    [Fact]
    public void The_list_is_what_the_program_reads()
    {
        var source = new RecordingSource { InitialData = Least };
        var configuration = new ConfigurationBuilder().Add(source).Build();
        KontextSettings.Read(configuration, development: true);
        Assert.NotNull(new PlatformProviderApps(configuration).Find("github"));

        var known = KnownSettings.All.Where(setting => setting.Reader == SettingReader.Program && (setting.Name.StartsWith("Kontext", StringComparison.Ordinal) || setting.Name.StartsWith("Providers", StringComparison.Ordinal))).ToList();
        var read = source.Asked.Where(name => name.StartsWith("Kontext", StringComparison.Ordinal) || name.StartsWith("Providers", StringComparison.Ordinal)).ToList();
        Assert.Empty(known.Where(setting => !read.Any(setting.Matches)).Select(setting => $"{setting.Name} is listed, and not read"));
        Assert.Empty(read.Where(name => !known.Any(setting => setting.Matches(name)) && !IsSection(name)).Select(name => $"{name} is read, and not listed"));
    }

    [Fact]
    public void The_documentation_has_exactly_the_list()
    {
        var rows = File.ReadAllLines(RepositoryFiles.Path("docs", "settings.md")).Where(line => line.StartsWith('|'));
        Assert.Equal(KnownSettings.Table(), rows);
    }

    [Fact]
    public void The_sample_sets_nothing_that_is_no_setting()
    {
        var sample = JsonNode.Parse(File.ReadAllText(RepositoryFiles.Path("local.settings.sample.json")))!["Values"]!.AsObject();
        string[] hosts = ["FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage"];
        Assert.DoesNotContain(sample.Select(setting => setting.Key), name => !hosts.Contains(name) && !KnownSettings.All.Any(setting => setting.Matches(name)));
    }

    [Theory]
    [InlineData("Kontext:Audit:RetentionDay", "30", "Kontext__Audit__RetentionDay is no setting")]
    [InlineData("Kontext:PublicURI", "https://kontext.example", "Kontext__PublicURI is no setting")]
    [InlineData("Providers:github:Secret", "x", "Providers__github__Secret is no setting")]
    [InlineData("Kontext:SignIn:ClientSecret", "@Microsoft.KeyVault(SecretUri=https://acme.vault.azure.net/secrets/sign-in)", "Kontext__SignIn__ClientSecret refers to a secret of a key vault that could not be read")]
    public void A_setting_that_cannot_be_meant_stops_the_start_and_is_named(string key, string value, string said)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>(Least) { [key] = value }).Build();
        var refused = Assert.Throws<InvalidSettingException>(() => KontextSettings.Read(configuration, development: true));
        Assert.StartsWith(said, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("acme.vault", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_are_as_in_the_environment_in_any_case_and_an_empty_value_is_none()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>(Least) { ["KONTEXT:DPOPNONCEREQUIRED"] = "true", ["Kontext:Whatever"] = "" }).Build();
        Assert.True(KontextSettings.Read(configuration, development: true).DPoPNonceRequired);
    }

    [Fact]
    public void Slugs_and_providers_are_found_under_names_without_hyphens_too()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>(Least)
        {
            ["Kontext:Organizations:acme_corp:SignIn:Issuer"] = "https://acme.example",
            ["Kontext:Organizations:acme_corp:SignIn:ClientId"] = "kontext",
            ["Providers:google_gmail:ClientId"] = "mail",
        }).Build();
        Assert.Contains("acme-corp", KontextSettings.Read(configuration, development: true).Organizations.Select(organization => organization.Slug));
        Assert.Equal("mail", new PlatformProviderApps(configuration).Find("google-gmail")?.ClientId);
    }

    // Asked for its children, and in passing for a value of its own.
    private static bool IsSection(string name)
    {
        var parts = name.Split("__");
        return KnownSettings.All.Any(setting => setting.Name.Split("__") is var whole && whole.Length > parts.Length
            && whole.Zip(parts).All(pair => pair.First.StartsWith('{') || string.Equals(pair.First, pair.Second, StringComparison.OrdinalIgnoreCase)));
    }

    /// <summary>Settings that note who was asked for.</summary>
    private sealed class RecordingSource : IConfigurationSource
    {
        public HashSet<string> Asked { get; } = new(StringComparer.OrdinalIgnoreCase);

        public required IReadOnlyDictionary<string, string?> InitialData { get; init; }

        public IConfigurationProvider Build(IConfigurationBuilder builder) => new Provider(this);

        private sealed class Provider : ConfigurationProvider
        {
            private readonly RecordingSource source;

            public Provider(RecordingSource source)
            {
                this.source = source;
                foreach (var (key, value) in source.InitialData)
                    Data[key] = value;
            }

            public override bool TryGet(string key, out string? value)
            {
                source.Asked.Add(key.Replace(":", "__", StringComparison.Ordinal));
                return base.TryGet(key, out value);
            }
        }
    }
}
