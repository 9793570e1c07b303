using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Work;

namespace Kontext.Domain.Vault;

/// <summary>Asks the service about the connection a note is about, unless something was heard of it meanwhile. What it refuses is marked, recorded and announced, as when a person asks.</summary>
public sealed class ValidationWork(
    IValidationSchedule schedule, IConnectionStore connections, IIntegrationStore integrations, IUserStore users, ConnectionValidation validation, IWorkQueue queue, Staleness staleness, TimeProvider time)
{
    /// <summary>How many questions to one provider an instance has under way: nobody waits for them, so they are few.</summary>
    public const int Share = 4;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan NextTurn = TimeSpan.FromSeconds(10);

    private readonly ProviderShares shares = new(Share);

    /// <summary>Does it, unless it was done. What finds the provider's share taken goes back to the queue.</summary>
    public async Task RunAsync(ValidateConnection work, CancellationToken cancellationToken)
    {
        // Without the note the message is a second one, or late.
        if (await schedule.FindAsync(work.Due, cancellationToken) is not { } note)
            return;
        var due = work.Due;
        if (await integrations.CurrentAsync(due.Org, due.Integration, cancellationToken) is { Archived: false } integration
            && await users.CurrentAsync(due.Org, due.User, cancellationToken) is { } user
            && await connections.FindAsync(due.Org, due.User, due.Integration, cancellationToken) is { Value: var connection }
            && connection.Epoch == integration.ConnectionEpoch && staleness.Holds(connection, time.GetUtcNow()))
        {
            using var turn = await shares.TryEnterAsync(integration, Patience, cancellationToken);
            if (turn is null)
            {
                await queue.EnqueueAsync(work, NextTurn, cancellationToken);
                return;
            }
            await validation.UnattendedAsync(due.Org, user, integration, cancellationToken);
        }
        await schedule.RemoveAsync(note, cancellationToken);
    }
}
