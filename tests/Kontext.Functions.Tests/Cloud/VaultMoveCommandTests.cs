using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Functions.Cloud;
using Kontext.Functions.Commands;
using Kontext.Testing.KeyVaultApi;
using Microsoft.Extensions.DependencyInjection;

namespace Kontext.Functions.Tests.Cloud;

/// <summary>The command <c>vault move</c>.</summary>
public sealed class VaultMoveCommandTests : IAsyncLifetime
{
    private readonly StringWriter output = new();
    private readonly StringWriter error = new();
    private KeyVaultStandIn standIn = null!;

    public async ValueTask InitializeAsync() => standIn = await KeyVaultStandIn.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await output.DisposeAsync();
        await error.DisposeAsync();
        await standIn.DisposeAsync();
    }

    [Fact]
    public async Task It_says_what_it_moved_and_the_audit_trail_has_it()
    {
        var settings = Settings(CredentialForm.KeyVault);
        await using var services = Open(settings);
        var org = Ids.New<OrgId>(DateTimeOffset.UnixEpoch);
        await services.GetRequiredService<IOrganizationStore>().InsertAsync(
            new Organization { Id = org, Slug = "dev", Name = "dev", DynamicRegistration = false, CreatedAt = DateTimeOffset.UnixEpoch }, default);
        await services.GetRequiredService<Functions.Storage.EnvelopeVault>().PutAsync(org, KeyVaultWorld.Name, new Secret("canary-canary"), default);
        Assert.Equal(CommandLine.Ok, await VaultMoveCommand.RunAsync("keyvault", settings, services, output, error, default));
        Assert.Equal("       1 moved to keyvault, and read back", output.ToString().TrimEnd());
        Assert.Equal("canary-canary", (await services.GetRequiredService<ICredentialVault>().GetLatestAsync(org, KeyVaultWorld.Name, default))?.Value.Reveal());
        var entry = Assert.Single((await services.GetRequiredService<IAuditLog>().LatestAsync(org, AuditTime.From(DateTimeOffset.MinValue.AddDays(1)), 10, _ => true, default)).Entries);
        Assert.Equal(("vault.moved", "1 versions to keyvault"), (entry.Event.Capability, entry.Event.Target));
    }

    [Fact]
    public async Task It_moves_nothing_that_the_program_would_go_on_writing_in_the_other_form()
    {
        var settings = Settings(CredentialForm.Envelope);
        await using var services = Open(settings);
        Assert.Equal(CommandLine.NotTried, await VaultMoveCommand.RunAsync("keyvault", settings, services, output, error, default));
        Assert.Contains("Kontext__Credentials", error.ToString(), StringComparison.Ordinal);
        Assert.Empty(standIn.Requests);
    }

    [Fact]
    public async Task Without_a_key_vault_there_is_nothing_to_move()
    {
        var settings = Settings(CredentialForm.Envelope) with { KeyVault = null };
        await using var services = Open(Settings(CredentialForm.Envelope));
        Assert.Equal(CommandLine.NotTried, await VaultMoveCommand.RunAsync("envelope", settings, services, output, error, default));
        Assert.Contains("Kontext__KeyVault", error.ToString(), StringComparison.Ordinal);
    }

    private ServiceProvider Open(KontextSettings settings) => VaultMoveCommand.Services(settings).AddSingleton(standIn.Open("acme-kv")).BuildServiceProvider();

    private static KontextSettings Settings(CredentialForm form) => new()
    {
        PublicUrl = new Uri("https://kontext.example.com"), Storage = "memory", KeyDirectory = null, Organization = "dev", Development = false, AllowPrivateUpstreams = false,
        KeyVault = new KeyVaultSettings([new Uri("https://acme-kv.vault.azure.net")], form),
    };
}
