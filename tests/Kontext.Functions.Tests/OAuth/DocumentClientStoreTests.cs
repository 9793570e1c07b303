using Kontext.Domain;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;
using Kontext.Functions.Storage;
using Kontext.Functions.Tests.Storage;
using Kontext.Testing;
using Kontext.Testing.Connections;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>What is kept about clients known by their documents, and who decides whether they may come.</summary>
public sealed class DocumentClientStoreTests
{
    private const string Url = "https://agent.example/client.json";

    private readonly ManualTime time = new(Samples.Then);
    private readonly MemoryAudit audit = new();
    private readonly Instance instance;
    private readonly ScriptedDocuments documents = new();
    private readonly Domain.OAuth.DocumentClients clients;
    private readonly OrgId org = Samples.NewOrg();

    public DocumentClientStoreTests()
    {
        instance = new Instance(new MemoryTables(), time);
        clients = new Domain.OAuth.DocumentClients(documents, instance.Applications, instance.Organizations, audit, time, "dev");
    }

    [Fact]
    public async Task A_client_is_kept_once_and_follows_its_document()
    {
        await OpenAsync(dynamicRegistration: true);
        var first = await DescribeAsync();
        Assert.Null(await instance.Applications.FindAsync(org, first.Id, TestContext.Current.CancellationToken));
        await clients.KeepAsync(org, first, TestContext.Current.CancellationToken);
        await clients.KeepAsync(org, await DescribeAsync(), TestContext.Current.CancellationToken);
        Assert.Single(audit.Events);
        Assert.Equal((org, first.Id), await instance.Applications.ResolveClientAsync(Url, TestContext.Current.CancellationToken));

        documents.Document = documents.Document with { Name = "Renamed", RedirectUris = ["https://agent.example/other"] };
        await clients.KeepAsync(org, await DescribeAsync(), TestContext.Current.CancellationToken);
        var stored = (await instance.Applications.FindAsync(org, first.Id, TestContext.Current.CancellationToken))!.Value;
        Assert.Equal("Renamed", stored.Name);
        Assert.Equal(["https://agent.example/other"], stored.OAuth.RedirectUris);
        Assert.Equal((Url, Registration.MetadataDocument), (stored.ClientId, stored.Registration));
        Assert.Equal(["application.registered", "application.document_changed"], audit.Events.Select(entry => entry.Capability));
    }

    [Fact]
    public async Task An_organization_that_is_closed_to_strangers_does_not_even_look_at_the_document()
    {
        await OpenAsync(dynamicRegistration: false);
        Assert.False((await clients.DescribeAsync(Url, TestContext.Current.CancellationToken)).TryGet(out _, out var failure));
        Assert.Equal(FailureCode.AccessDenied, failure!.Code);
        Assert.Equal(0, documents.Fetches);
    }

    [Fact]
    public async Task A_client_that_was_cut_off_stays_cut_off()
    {
        await OpenAsync(dynamicRegistration: true);
        var described = await DescribeAsync();
        await clients.KeepAsync(org, described, TestContext.Current.CancellationToken);
        var stored = await instance.Applications.FindAsync(org, described.Id, TestContext.Current.CancellationToken);
        await instance.Applications.ReplaceAsync(org, stored!, stored!.Value with { Archived = true }, TestContext.Current.CancellationToken);
        Assert.False((await clients.DescribeAsync(Url, TestContext.Current.CancellationToken)).TryGet(out _, out var failure));
        Assert.Equal(FailureCode.InvalidClient, failure!.Code);
    }

    private async Task OpenAsync(bool dynamicRegistration) => Assert.True(await instance.Organizations.InsertAsync(
        new Organization { Id = org, Slug = "dev", Name = "dev", DynamicRegistration = dynamicRegistration, CreatedAt = Samples.Then }, TestContext.Current.CancellationToken));

    private async Task<Application> DescribeAsync()
    {
        Assert.True((await clients.DescribeAsync(Url, TestContext.Current.CancellationToken)).TryGet(out var described, out _));
        Assert.Equal(org, described.Org);
        return described.Application;
    }

    private sealed class ScriptedDocuments : IClientDocuments
    {
        public ClientDocument Document { get; set; } = new() { ClientId = Url, Name = "Agent", RedirectUris = ["https://agent.example/cb"] };

        public int Fetches { get; private set; }

        public Task<Result<ClientDocument>> FetchAsync(string clientId, CancellationToken cancellationToken)
        {
            Fetches++;
            return Task.FromResult<Result<ClientDocument>>(Document);
        }
    }
}
