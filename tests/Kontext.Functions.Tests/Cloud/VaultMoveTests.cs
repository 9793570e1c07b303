using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Functions.Cloud;
using Kontext.Functions.OAuth;
using Kontext.Functions.Storage;
using Kontext.Testing.KeyVaultApi;

namespace Kontext.Functions.Tests.Cloud;

/// <summary>Moving an installation's credentials from one form to the other.</summary>
public sealed class VaultMoveTests : IAsyncLifetime
{
    private static readonly CredentialName[] Names = [KeyVaultWorld.Name, new("signing-key-a_B"), new("webhook-1")];

    private readonly Dictionary<(OrgId Org, CredentialName Name, string Version), string> values = [];
    private KeyVaultWorld world = null!;

    public async ValueTask InitializeAsync()
    {
        world = await KeyVaultWorld.StartAsync();
        await new OrganizationIndex(world.Tables).AddAsync(world.Org, default);
    }

    public ValueTask DisposeAsync() => world.DisposeAsync();

    [Fact]
    public async Task Every_version_is_moved_to_key_vault_under_the_same_id_and_back()
    {
        await FillAsync(CredentialForm.Envelope);
        var there = await Move(CredentialForm.KeyVault).RunAsync(CredentialForm.KeyVault, default);
        Assert.True(there.IsComplete);
        Assert.Equal(values.Count, there.Of(VaultMoveOutcome.Moved));
        await AssertAllReadAsync(CredentialForm.KeyVault, inRows: false);
        Assert.Equal(2 * Names.Length, world.CredentialSecrets().Count);
        Assert.All(world.CredentialSecrets(), secret => Assert.Equal(["0", "1", "2"], secret.Secret.Versions.Select(version => version.Value[^1..])));

        var back = await Move(CredentialForm.Envelope).RunAsync(CredentialForm.Envelope, default);
        Assert.True(back.IsComplete);
        Assert.Equal(values.Count, back.Of(VaultMoveOutcome.Moved));
        Assert.Null(back.RecoverableUntil);
        await AssertAllReadAsync(CredentialForm.Envelope, inRows: true);
        Assert.Empty(world.CredentialSecrets());
    }

    [Theory]
    [InlineData("KeyVault")]
    [InlineData("Envelope")]
    public async Task A_move_repeated_moves_nothing(string form)
    {
        var to = Enum.Parse<CredentialForm>(form);
        await FillAsync(Other(to));
        await Move(to).RunAsync(to, default);
        var written = world.StandIn.Count("PUT /secrets/");
        var again = await Move(to).RunAsync(to, default);
        Assert.Equal((0, values.Count), (again.Of(VaultMoveOutcome.Moved), again.Of(VaultMoveOutcome.There)));
        Assert.Equal(written, world.StandIn.Count("PUT /secrets/"));
    }

    [Theory]
    [InlineData("KeyVault")]
    [InlineData("Envelope")]
    public async Task A_move_cut_off_anywhere_loses_nothing_and_is_finished_by_the_next(string form)
    {
        var to = Enum.Parse<CredentialForm>(form);
        var vault = world.Credentials(Other(to));
        foreach (var number in Enumerable.Range(0, 2))
            await PutAsync(vault, world.Org, KeyVaultWorld.Name, $"{number}");
        // A key that exists already, so that every failing write is one of the move.
        (await world.Keys().CurrentAsync(world.Org, default)).Dispose();
        var cut = 0;
        for (var done = false; !done && cut < 20; cut++)
        {
            world.Tables[VaultRows.Table].FailWrite(cut % 3 + 1);
            try
            {
                done = (await CutMove(to).RunAsync(to, default)).IsComplete;
            }
            catch (StorageUnavailableException)
            {
                await AssertAllReadAsync(to, inRows: null);
            }
        }
        Assert.True(cut > 1, "No run was cut off.");
        var last = await Move(to).RunAsync(to, default);
        Assert.True(last.IsComplete);
        await AssertAllReadAsync(to, inRows: to == CredentialForm.Envelope);
        Assert.Equal(to == CredentialForm.KeyVault ? 1 : 0, world.CredentialSecrets().Count);
    }

    [Fact]
    public async Task The_program_reads_writes_and_deletes_while_the_move_runs()
    {
        await FillAsync(CredentialForm.Envelope);
        var serving = world.Credentials();
        var move = Move(CredentialForm.KeyVault).RunAsync(CredentialForm.KeyVault, default);
        await PutAsync(serving, world.Org, KeyVaultWorld.Name, "refreshed");
        await serving.DeleteAsync(world.Org, new CredentialName("webhook-1"), default);
        foreach (var gone in values.Keys.Where(key => key.Org == world.Org && key.Name.Name == "webhook-1").ToList())
            values.Remove(gone);
        await move;
        Assert.True((await Move(CredentialForm.KeyVault).RunAsync(CredentialForm.KeyVault, default)).IsComplete);
        await AssertAllReadAsync(CredentialForm.KeyVault, inRows: false);
        Assert.Equal("refreshed", (await serving.GetLatestAsync(world.Org, KeyVaultWorld.Name, default))?.Value.Reveal());
        Assert.Null(await serving.GetLatestAsync(world.Org, new CredentialName("webhook-1"), default));
        var held = (await RowsAsync()).Select(KeyVaultReference.Of).OfType<KeyVaultReference>().Select(place => place.Secret).ToHashSet();
        Assert.Equal(held.Order(), world.CredentialSecrets().Where(secret => secret.Secret.State == StandInState.Active).Select(secret => secret.Name).Order());
    }

    [Fact]
    public async Task A_connection_ended_in_the_middle_of_its_move_leaves_no_secret_behind()
    {
        await PutAsync(world.Credentials(CredentialForm.Envelope), world.Org, KeyVaultWorld.Name, "value");
        var held = world.Tables[VaultRows.Table].HoldWrite(2);
        var move = Move(CredentialForm.KeyVault).RunAsync(CredentialForm.KeyVault, default);
        await held.Reached;
        var (partition, key) = (await RowsAsync()).Select(row => (row.PartitionKey, row.RowKey)).Single();
        await world.Rows.DeleteAsync(partition, key, "*", default);
        held.Release();
        Assert.Equal(1, (await move).Of(VaultMoveOutcome.UnderWay));
        Assert.Empty(world.CredentialSecrets());
    }

    [Fact]
    public async Task What_is_too_large_for_key_vault_stays_a_row()
    {
        await PutAsync(world.Credentials(CredentialForm.Envelope), world.Org, KeyVaultWorld.Name, new string('x', 30_000));
        var report = await Move(CredentialForm.KeyVault).RunAsync(CredentialForm.KeyVault, default);
        Assert.True(report.IsComplete);
        Assert.Equal(1, report.Of(VaultMoveOutcome.TooLarge));
        await AssertAllReadAsync(CredentialForm.KeyVault, inRows: true);
    }

    [Fact]
    public async Task With_purge_protection_the_report_says_until_when_the_secrets_can_be_recovered()
    {
        world.StandIn[KeyVaultWorld.Vault].PurgeProtection = true;
        await FillAsync(CredentialForm.KeyVault);
        var report = await Move(CredentialForm.Envelope).RunAsync(CredentialForm.Envelope, default);
        Assert.Equal(StandInVault.PurgedAt, report.RecoverableUntil);
        Assert.True(report.IsComplete);
    }

    [Fact]
    public async Task A_secret_that_an_operator_disabled_is_reported_and_kept()
    {
        await PutAsync(world.Credentials(), world.Org, KeyVaultWorld.Name, "value");
        Assert.Single(world.CredentialSecrets()).Secret.Versions[0].Enabled = false;
        var report = await Move(CredentialForm.Envelope).RunAsync(CredentialForm.Envelope, default);
        Assert.Equal((1, false), (report.Of(VaultMoveOutcome.NotGivenOut), report.IsComplete));
        Assert.Equal(StandInState.Active, Assert.Single(world.CredentialSecrets()).Secret.State);
    }

    [Fact]
    public async Task Throttling_slows_a_move_down_and_does_not_end_it()
    {
        await FillAsync(CredentialForm.Envelope);
        (await world.Keys().CurrentAsync(world.Org, default)).Dispose();
        world.StandIn.Fail(StandInFault.Throttled(retryAfterSeconds: 1), times: 3);
        Assert.True((await Move(CredentialForm.KeyVault).RunAsync(CredentialForm.KeyVault, default)).IsComplete);
        await AssertAllReadAsync(CredentialForm.KeyVault, inRows: false);
    }

    private static CredentialForm Other(CredentialForm form) => form == CredentialForm.KeyVault ? CredentialForm.Envelope : CredentialForm.KeyVault;

    private VaultMove Move(CredentialForm form) => new(world.Tables, world.Envelope(), world.Credentials(form), TimeProvider.System);

    /// <summary>A move that ends with the first failure, as if it had been killed there.</summary>
    private VaultMove CutMove(CredentialForm form) => new(world.Tables, world.Envelope(), world.Credentials(form), world.Time) { Tries = 1 };

    private async Task FillAsync(CredentialForm form)
    {
        var vault = world.Credentials(form);
        foreach (var org in new[] { world.Org, SigningKeyStore.Issuer })
        {
            foreach (var name in Names)
            {
                for (var number = 0; number < 3; number++)
                    await PutAsync(vault, org, name, $"{org} {name.Name} {number}");
            }
        }
    }

    private async Task PutAsync(KeyVaultCredentialVault vault, OrgId org, CredentialName name, string value) =>
        values[(org, name, await vault.PutAsync(org, name, new Secret(value), default))] = value;

    private async Task AssertAllReadAsync(CredentialForm form, bool? inRows)
    {
        var vault = world.Credentials(form);
        foreach (var ((org, name, version), value) in values)
            Assert.Equal(value, (await vault.GetAsync(org, name, version, default))?.Reveal());
        if (inRows is { } held)
            Assert.All(await RowsAsync(), row => Assert.Equal((held, !held), (EnvelopeVault.Holds(row), KeyVaultReference.Of(row) is { SecretVersion: not null })));
    }

    private async Task<List<TableRow>> RowsAsync()
    {
        var rows = new List<TableRow>();
        foreach (var (org, name) in values.Keys.Select(key => (key.Org, key.Name)).Distinct())
            rows.AddRange(await VaultRows.AllAsync(world.Rows, org, name, default));
        return rows;
    }
}
