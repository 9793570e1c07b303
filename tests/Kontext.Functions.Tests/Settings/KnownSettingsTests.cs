using System.Text.Json.Nodes;
using Kontext.Functions.Settings;
using Kontext.Functions.Upstream;
using Kontext.Testing;
using Microsoft.Extensions.Configuration;

namespace Kontext.Functions.Tests.Settings;

/// <summary>The list of settings is what the program reads, what the documentation says and what the samples set; anything else stops the start, or is in the log of the Functions host.</summary>
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

    // The same for a program that others can reach.
    private static readonly Dictionary<string, string?> Outside = new(Least) { ["Kontext:PublicUrl"] = "https://kontext.example", ["Kontext:Organization"] = "kontext" };

    // What the sample leaves out, and why.
    private static readonly Dictionary<string, string> NotInTheSample = new()
    {
        ["Kontext__Organizations__{slug}__Name"] = "one organization is enough to begin with",
        ["Kontext__Organizations__{slug}__SignIn__Issuer"] = "likewise",
        ["Kontext__Organizations__{slug}__SignIn__ClientId"] = "likewise",
        ["Kontext__Organizations__{slug}__SignIn__ClientSecret"] = "likewise",
        ["Kontext__Organizations__{slug}__SignIn__Scopes"] = "likewise",
        ["Kontext__Organizations__{slug}__SignIn__RolesClaim"] = "likewise",
        ["Kontext__Organizations__{slug}__SignIn__RoleMap"] = "likewise",
        ["Kontext__Organizations__{slug}__SignIn__RequiredClaims"] = "likewise",
        ["Kontext__Organizations__{slug}__SignIn__Administrators"] = "likewise",
        ["Providers__{provider}__ClientId"] = "nobody else's OAuth app can be in a sample",
        ["Providers__{provider}__ClientSecret"] = "likewise",
        ["KontextQueue__queueServiceUri"] = "the sample's queue is a connection string, KontextQueue",
        ["KontextQueue__credential"] = "there is no managed identity on a machine of one's own",
        ["KontextQueue__clientId"] = "likewise",
        ["KontextServiceBus__credential"] = "likewise",
        ["KontextServiceBus__clientId"] = "likewise",
        ["AzureWebJobsStorage__accountName"] = "the sample's account is a connection string, AzureWebJobsStorage",
        ["AzureWebJobsStorage__credential"] = "likewise",
        ["AzureWebJobsStorage__clientId"] = "likewise",
        ["APPLICATIONINSIGHTS_CONNECTION_STRING"] = "nothing leaves a machine of one's own unasked",
        ["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"] = "likewise",
        ["AZURE_CLIENT_ID"] = "calls to Azure are made as whoever is signed in",
        ["ASPNETCORE_URLS"] = "the host says where the program listens",
        ["ASPNETCORE_HTTP_PORTS"] = "likewise",
        ["FUNCTIONS_CUSTOMHANDLER_PORT"] = "set by the host alone",
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

    [Fact]
    public void The_sample_has_every_setting_but_those_with_a_reason_to_leave_it_out()
    {
        var sample = JsonNode.Parse(File.ReadAllText(RepositoryFiles.Path("local.settings.sample.json")))!["Values"]!.AsObject();
        var left = KnownSettings.All.Where(setting => !sample.Any(value => setting.Matches(value.Key))).Select(setting => setting.Name);
        Assert.Equal(NotInTheSample.Keys.Order(StringComparer.Ordinal), left.Order(StringComparer.Ordinal));
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

    [Theory]
    [InlineData(false, null)]
    [InlineData(true, null)]
    [InlineData(true, "7071")]
    public void Alone_and_in_development_a_setting_that_is_none_stops_the_start(bool development, string? handlerPort)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>(Outside) { ["Kontext:Tomorrow"] = "canary", ["FUNCTIONS_CUSTOMHANDLER_PORT"] = handlerPort }).Build();
        var refused = Assert.Throws<InvalidSettingException>(() => KontextSettings.Read(configuration, development));
        Assert.StartsWith("Kontext__Tomorrow is no setting", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("canary", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Under_the_functions_host_settings_that_are_none_are_noted_and_references_that_could_not_be_read_are_still_refused()
    {
        var values = new Dictionary<string, string?>(Outside) { ["FUNCTIONS_CUSTOMHANDLER_PORT"] = "7071", ["Kontext:Tomorrow"] = "canary", ["Providers:github:Secret"] = "canary" };
        Assert.Equal(["Kontext__Tomorrow", "Providers__github__Secret"], KontextSettings.Read(new ConfigurationBuilder().AddInMemoryCollection(values).Build(), development: false).Unknown);
        values["Kontext:SignIn:ClientSecret"] = "@Microsoft.KeyVault(SecretUri=https://acme.vault.azure.net/secrets/sign-in)";
        var refused = Assert.Throws<InvalidSettingException>(() => KontextSettings.Read(new ConfigurationBuilder().AddInMemoryCollection(values).Build(), development: false));
        Assert.StartsWith("Kontext__SignIn__ClientSecret refers to a secret", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Under_the_functions_host_the_program_starts_with_the_settings_of_another_version_and_logs_their_names_alone()
    {
        var keys = Directory.CreateTempSubdirectory("kontext-keys-");
        var settings = new Dictionary<string, string>
        {
            ["ASPNETCORE_ENVIRONMENT"] = "Production",
            ["Kontext__Organization"] = "acme",
            ["Kontext__SignIn__Issuer"] = "https://idp.example",
            ["Kontext__SignIn__ClientId"] = "kontext",
            ["Kontext__Tomorrow"] = "canary",
        };
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => KontextServer.StartAsync("memory", keys.FullName, settings: settings));
        Assert.Contains("Kontext__Tomorrow is no setting", refused.Message, StringComparison.Ordinal);

        await using (var server = await KontextServer.StartAsync("memory", keys.FullName, settings: settings, handler: true))
        {
            for (var tries = 0; tries < 100 && !server.Output.Contains("Kontext__Tomorrow", StringComparison.Ordinal); tries++)
                await Task.Delay(50, TestContext.Current.CancellationToken);
            var line = JsonNode.Parse(Assert.Single(server.Output.Split('\n'), line => line.Contains("Kontext__Tomorrow", StringComparison.Ordinal)))!;
            Assert.Equal("Error", (string?)line["level"]);
            Assert.StartsWith("Kontext__Tomorrow is no setting", (string?)line["message"], StringComparison.Ordinal);
            Assert.DoesNotContain("canary", server.Output, StringComparison.Ordinal);
        }
        keys.Delete(recursive: true);
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
