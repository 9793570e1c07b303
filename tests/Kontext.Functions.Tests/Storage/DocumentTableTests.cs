using System.Collections.Immutable;
using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Policies;
using Kontext.Domain.Tenancy;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Tests.Storage;

/// <summary>Documents in rows: nothing that was stored is lost, whichever version of the program wrote it.</summary>
public sealed class DocumentTableTests
{
    private readonly ITable table = new MemoryTables().Open("t");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_a_newer_version_wrote_survives_our_rewrite_at_every_depth()
    {
        var applications = new DocumentTable<Application>(table, StoredJson.Default.Application);
        var application = Samples.Application("a") with { ExternalAuth = new ExternalAuth { Issuer = "i", JwksUrl = "j", Audience = "a" } };
        await applications.InsertAsync("p", "r", application, Cancel);
        var row = (await table.GetAsync("p", "r", Cancel))!;
        var document = ((string)row.Properties["doc"])
            .Replace("{\"id\"", "{\"future\":{\"x\":[1]},\"id\"", StringComparison.Ordinal)
            .Replace("\"oAuth\":{", "\"oAuth\":{\"dpop\":true,", StringComparison.Ordinal)
            .Replace("\"externalAuth\":{", "\"externalAuth\":{\"later\":1,", StringComparison.Ordinal);
        Assert.Contains("dpop", document, StringComparison.Ordinal);
        await table.UpsertAsync(row with { Properties = new Dictionary<string, object> { ["v"] = "1", ["doc"] = document } }, Cancel);

        var read = (await applications.FindAsync("p", "r", Cancel))!;
        var written = (await applications.ReplaceAsync("p", "r", read, read.Value with { Name = "b", ExternalAuth = null }, Cancel))!;
        await applications.ReplaceAsync("p", "r", written, written.Value with { Name = "c" }, Cancel);

        var stored = (string)(await table.GetAsync("p", "r", Cancel))!.Properties["doc"];
        Assert.Contains("\"future\":{\"x\":[1]}", stored, StringComparison.Ordinal);
        Assert.Contains("\"dpop\":true", stored, StringComparison.Ordinal);
        Assert.Contains("\"name\":\"c\"", stored, StringComparison.Ordinal);
        Assert.Contains("\"externalAuth\":null", stored, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_an_older_version_did_not_write_has_its_default()
    {
        await table.InsertAsync(new TableRow("p", "r", new Dictionary<string, object>
        {
            ["v"] = "1",
            ["doc"] = """{"id":"0192d3f0-0000-7000-8000-000000000001","name":"n","oAuth":{},"createdAt":"2026-01-01T00:00:00+00:00","updatedAt":"2026-01-01T00:00:00+00:00"}""",
        }), Cancel);
        var application = (await new DocumentTable<Application>(table, StoredJson.Default.Application).FindAsync("p", "r", Cancel))!.Value;
        Assert.True(application.OAuth.PkceRequired);
        Assert.Empty(application.OAuth.Scopes);
        Assert.Empty(application.Integrations);
    }

    [Fact]
    public async Task A_document_larger_than_a_property_is_kept_in_several()
    {
        var rules = new PolicyHead { Revision = 1, Rules = [.. Enumerable.Range(0, 500).Select(n => new PolicyRule
        {
            Id = Ids.New<RuleId>(Samples.Then), Layer = PolicyLayer.User, Effect = PolicyEffect.Deny, Subject = new PolicySubject(PolicySubjectKind.Role, $"rôle {n}"),
            Conditions = [new PolicyCondition("target", ConditionOperator.OneOf, ["a", "b"])], CreatedAt = Samples.Then,
        })] };
        var documents = new DocumentTable<PolicyHead>(table, StoredJson.Default.PolicyHead);
        await documents.InsertAsync("p", "r", rules, Cancel);
        var read = (await documents.FindAsync("p", "r", Cancel))!;
        Assert.Equal(500, read.Value.Rules.Length);
        Assert.Equal(rules.Rules[499].Subject, read.Value.Rules[499].Subject);
        Assert.Equal(["a", "b"], read.Value.Rules[499].Conditions[0].Values);

        await documents.ReplaceAsync("p", "r", read, new PolicyHead { Revision = 2 }, Cancel);
        Assert.Empty((await documents.FindAsync("p", "r", Cancel))!.Value.Rules);
    }

    [Fact]
    public async Task Every_property_of_an_integration_comes_back()
    {
        var integration = Samples.Integration("github") with
        {
            AuthMode = AuthMode.Oauth, OAuth = new IntegrationOAuth { Provider = "github", Scopes = ["repo"] }, Capabilities = ["create_issue"],
            CredentialSchema = ImmutableDictionary<string, string>.Empty.Add("apiKey", "string"), AttachByDefault = true, ConnectionEpoch = 3,
        };
        var documents = new DocumentTable<Integration>(table, StoredJson.Default.Integration);
        await documents.InsertAsync("p", "r", integration, Cancel);
        var read = (await documents.FindAsync("p", "r", Cancel))!.Value;

        Assert.Equivalent(integration, read, strict: true);
        Assert.Equal("string", read.CredentialSchema["apiKey"]);
        var stored = (string)(await table.GetAsync("p", "r", Cancel))!.Properties["doc"];
        Assert.Contains("\"authMode\":\"Oauth\"", stored, StringComparison.Ordinal);
        Assert.DoesNotContain("needsConnection", stored, StringComparison.Ordinal);
    }
}
