using Kontext.Domain.Audit;
using Kontext.Domain.Vault;
using Kontext.Domain.Work;
using Kontext.Testing.Connections;

namespace Kontext.Domain.Tests.Vault;

/// <summary>A provider that could not be told to revoke is told again.</summary>
public sealed class RevocationRetryTests
{
    private readonly ScriptedProvider provider;
    private readonly ConnectionWorld world;
    private readonly CollectingQueue queue = new();

    public RevocationRetryTests()
    {
        var clock = new Testing.ManualTime(ConnectionWorld.Noon);
        provider = new ScriptedProvider(clock);
        world = new ConnectionWorld(provider, clock);
    }

    [Fact]
    public async Task A_provider_that_answers_later_revokes_then_and_only_once()
    {
        var work = await DisconnectWithoutAnswerAsync();
        provider.RevocationFailure = null;
        await RunAsync(work);
        await RunAsync(work);
        Assert.Equal(2, provider.Revoked.Count);
        Assert.Empty(world.Parked.Grants);
        Assert.Equal(AuditTypes.Revoked, world.Audit.Last.Type);
        Assert.Equal("ok", world.Audit.Last.Status);
    }

    [Fact]
    public async Task A_provider_that_never_answers_is_given_up_and_that_is_recorded()
    {
        var work = await DisconnectWithoutAnswerAsync();
        var attempts = 0;
        for (WorkItem? next = work; next is RevokeGrant revoke; next = queue.TryTake(out var queued) ? queued : null)
        {
            attempts++;
            await RunAsync(revoke);
        }
        Assert.Equal(6, attempts);
        Assert.Empty(world.Parked.Grants);
        Assert.Equal("error_remote", world.Audit.Last.Status);
    }

    [Fact]
    public async Task A_message_of_an_earlier_attempt_does_nothing()
    {
        var work = await DisconnectWithoutAnswerAsync();
        await RunAsync(work);
        var calls = provider.Revoked.Count;
        await RunAsync(work);
        Assert.Equal(calls, provider.Revoked.Count);
        Assert.Single(world.Parked.Grants);
    }

    private async Task<RevokeGrant> DisconnectWithoutAnswerAsync()
    {
        world.UseIssuer();
        await world.ConnectAsync();
        provider.RevocationFailure = new Failure(FailureCode.UpstreamFailed, "Example did not answer.");
        var report = await world.NewInstance().Disconnection.RunAsync(world.Org, world.User.Id, world.Integration, DisconnectReason.ByPerson, null, default);
        Assert.True(report.SecretsDeleted);
        return new RevokeGrant(world.Org, Assert.Single(world.Parked.Ids), Attempt: 1);
    }

    private Task RunAsync(RevokeGrant work)
    {
        var instance = world.NewInstance();
        return new RevocationRetry(world.Parked, new OneIntegration(world), world.Connections, instance.Directory, instance.Removal, queue, world.Audit, world.Time).RunAsync(work, default);
    }
}
