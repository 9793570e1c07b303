using System.Text;
using Kontext.Domain.Revocations;
using Kontext.Domain.Vault;
using Kontext.Domain.Webhooks;
using Kontext.Domain.Work;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Work;

/// <summary>Does what a message asks for, whoever received it: the host's triggers and the program's own poll come here.</summary>
internal sealed class WorkHandler(
    WebhookDispatch webhooks, RevocationRetry revocations, CutOffs cutOffs, RefreshWork refreshes, ValidationWork validations, FailedWorkStore failed, ILogger<WorkHandler> log)
{
    /// <summary>Does it. An exception means that the message is to be delivered again.</summary>
    public Task RunAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken) => WorkMessage.Read(message.Span) switch
    {
        DeliverWebhook deliver => webhooks.RunAsync(deliver, cancellationToken),
        RevokeGrant revoke => revocations.RunAsync(revoke, cancellationToken),
        ContinueCutOff order => cutOffs.RunAsync(order, cancellationToken),
        RefreshConnection refresh => refreshes.RunAsync(refresh, cancellationToken),
        ValidateConnection validate => validations.RunAsync(validate, cancellationToken),
        // Trying again would not make it readable.
        _ => GiveUpAsync(message, cancellationToken),
    };

    /// <summary>Keeps a message that failed too often, for an administrator to see and replay.</summary>
    public async Task GiveUpAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        var (org, kind) = WorkMessage.Describe(message.Span);
        await failed.RecordAsync(org, kind, Encoding.UTF8.GetString(message.Span), cancellationToken);
        if (org == FailedWorkStore.Nobody)
            Log.UnreadableWorkGivenUp(log);
        else
            Log.WorkGivenUp(log, kind, org.ToString());
    }
}
