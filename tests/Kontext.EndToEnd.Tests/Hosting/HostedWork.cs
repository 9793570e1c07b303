using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Domain.Work;
using Kontext.Functions.Storage;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests.Hosting;

/// <summary>Work of one kind as a message starts it: what it reads first, how it is queued, and how one sees that it was done.</summary>
internal sealed class HostedWork : IAsyncDisposable
{
    // Whole seconds, as any store keeps them.
    private static readonly DateTimeOffset DueAt = new(2026, 3, 1, 10, 0, 0, TimeSpan.Zero);

    private readonly WebhookReceiver receiver = new();
    private readonly Func<Task<bool>> isDone;

    private HostedWork(string kind, string account, OrgId org, Func<JsonObject, Task<string>> sendWebhook)
    {
        var tables = new TableService(StorageAccount.Parse(account), TimeProvider.System);
        var queue = new StorageQueue(StorageAccount.ParseQueue(account), TimeProvider.System);
        var (user, integration, connection) = (Ids.New<UserId>(DueAt), Ids.New<IntegrationId>(DueAt), Ids.New<ConnectionId>(DueAt));
        Kind = kind;
        // Nobody has the integration, so that what is left to do is to take away what the message is about.
        switch (kind)
        {
            case "webhook.deliver":
                Table = "webhookdeliveries";
                var sent = "";
                QueueAsync = async () => sent = await sendWebhook(new JsonObject { ["url"] = receiver.Url });
                isDone = () => Task.FromResult(receiver.Waiting?.Id == sent);
                break;
            case "grant.revoke":
                Table = "parkedgrants";
                var grants = new DocumentTable<ParkedGrant>(tables.Open(Table), StoredJson.Default.ParkedGrant);
                var grant = new ParkedGrant(Ids.New<RevocationId>(DueAt), user, integration, "s1.000001.AAAA", Attempt: 1, DueAt);
                QueueAsync = async () =>
                {
                    await grants.InsertAsync(Key.Of(org, "parked"), Key.Of(org, grant.Id), grant, Cancelled);
                    await queue.EnqueueAsync(new RevokeGrant(org, grant.Id, Attempt: 1), TimeSpan.Zero, Cancelled);
                };
                isDone = async () => await grants.FindAsync(Key.Of(org, "parked"), Key.Of(org, grant.Id), Cancelled) is null;
                break;
            case "connection.refresh":
                Table = "refreshdue";
                var refreshes = new RefreshSchedule(tables);
                var refresh = new DueRefresh(org, user, integration, connection, DueAt.AddMinutes(1), DueAt);
                QueueAsync = async () =>
                {
                    await refreshes.FileAsync(refresh, Cancelled);
                    await queue.EnqueueAsync(new RefreshConnection(refresh), TimeSpan.Zero, Cancelled);
                };
                isDone = async () => await refreshes.FindAsync(refresh, Cancelled) is null;
                break;
            case "connection.validate":
                Table = "validationdue";
                var validations = new ValidationSchedule(tables);
                var validation = new DueValidation(org, user, integration, connection, DueAt.AddDays(-1), DueAt);
                QueueAsync = async () =>
                {
                    await validations.FileAsync(validation, Cancelled);
                    await queue.EnqueueAsync(new ValidateConnection(validation), TimeSpan.Zero, Cancelled);
                };
                isDone = async () => await validations.FindAsync(validation, Cancelled) is null;
                break;
            default:
                throw new ArgumentException("Unknown kind of work.", nameof(kind));
        }
    }

    /// <summary>Every kind there is.</summary>
    public static TheoryData<string> Kinds => ["webhook.deliver", "grant.revoke", "connection.refresh", "connection.validate"];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>The kind, as failed work is listed.</summary>
    public string Kind { get; }

    /// <summary>The table with the row it is about.</summary>
    public string Table { get; }

    /// <summary>Puts a message into the storage queue, and a row for it into its table.</summary>
    public Func<Task> QueueAsync { get; }

    /// <summary>Prepares one of a kind in an installation.</summary>
    public static async Task<HostedWork> CreateAsync(string kind, string account, TestAgent agent, string token)
    {
        var org = OrgId.Parse((string)(await agent.ApiAsync(HttpMethod.Get, "/organization", token)).Json!["organization"]!["id"]!, CultureInfo.InvariantCulture);
        string? webhook = null;
        return new HostedWork(kind, account, org, async asked =>
        {
            webhook ??= (string)(await agent.ApiAsync(HttpMethod.Post, "/webhooks", token, asked)).Json!["webhook"]!["id"]!;
            var sent = await agent.ApiAsync(HttpMethod.Post, $"/webhooks/{webhook}/test", token);
            Assert.Equal(HttpStatusCode.Accepted, sent.Status);
            return (string)sent.Json!["delivery"]!["messageId"]!;
        });
    }

    /// <summary>Was it done since it was queued last?</summary>
    public Task<bool> IsDoneAsync() => isDone();

    /// <summary>Completes when it was.</summary>
    public async Task DoneAsync()
    {
        while (!await isDone())
            await Task.Delay(50, Cancelled);
    }

    public ValueTask DisposeAsync() => receiver.DisposeAsync();
}
