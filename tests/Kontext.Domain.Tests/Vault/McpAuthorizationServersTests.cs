using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;
using Kontext.Testing;
using Kontext.Testing.Connections;

namespace Kontext.Domain.Tests.Vault;

/// <summary>Who issues an MCP server's tokens, and who we are there.</summary>
public sealed class McpAuthorizationServersTests
{
    private readonly ScriptedProvider provider = new(TimeProvider.System);
    private readonly ConnectionWorld world;

    public McpAuthorizationServersTests()
    {
        world = new ConnectionWorld(provider, new ManualTime(ConnectionWorld.Noon));
        world.Integration = world.Integration with { Category = IntegrationCategory.GatewayRemoteMcp, OAuth = new IntegrationOAuth() };
    }

    [Fact]
    public async Task A_client_is_registered_once_for_all_instances_and_its_secret_is_in_the_vault()
    {
        var first = Found(await ResolveAsync());
        var second = Found(await ResolveAsync());
        Assert.Equal(("client-1", "secret-1"), (first.ClientId, first.ClientSecret!.Reveal()));
        Assert.Equal(("client-1", "secret-1"), (second.ClientId, second.ClientSecret!.Reveal()));
        Assert.Equal("https://mcp.example.test/mcp", first.Resource);
        Assert.Equal(["read"], first.Scopes);
        Assert.Equal(1, world.Discovery.Registrations);
    }

    [Fact]
    public async Task Of_two_registrations_at_once_the_first_to_be_stored_serves_both()
    {
        ProviderApp? other = null;
        world.Discovery.OnRegister = async () => other = Found(await ResolveAsync());
        var mine = Found(await ResolveAsync());
        Assert.Equal(2, world.Discovery.Registrations);
        Assert.Equal(other!.ClientId, mine.ClientId);
        Assert.Equal(other.ClientSecret!.Reveal(), mine.ClientSecret!.Reveal());
    }

    [Fact]
    public async Task A_client_that_was_forgotten_there_is_registered_anew()
    {
        var instance = world.NewInstance();
        var app = Found(await instance.Directory.ResolveAsync(world.Org, world.Integration, default));
        await instance.Directory.ForgetClientAsync(world.Org, world.Integration, app, default);
        Assert.Equal("client-2", Found(await instance.Directory.ResolveAsync(world.Org, world.Integration, default)).ClientId);
    }

    [Fact]
    public async Task Our_metadata_document_is_preferred_where_it_is_accepted_and_reached_by_https()
    {
        provider.TakesClientDocuments = true;
        var app = Found(await ResolveAsync());
        Assert.Equal("https://kontext.test/.well-known/oauth-client", app.ClientId);
        Assert.Equal((ClientAuthentication.None, 0), (app.Authentication, world.Discovery.Registrations));

        world.Addresses = new ConnectAddresses("http://localhost:7071");
        Assert.Equal("client-1", Found(await ResolveAsync()).ClientId);
    }

    [Fact]
    public async Task A_server_without_PKCE_is_refused()
    {
        provider.Pkce = false;
        Assert.Contains("code_challenge_methods_supported", Refused(await ResolveAsync()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_registers_nobody_says_which_settings_are_missing()
    {
        provider.TakesRegistrations = false;
        var refused = Refused(await ResolveAsync());
        Assert.Equal(FailureCode.Misconfigured, refused.Code);
        Assert.Contains("oauth.clientId", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_found_stands_while_the_server_does_not_answer()
    {
        Found(await ResolveAsync());
        world.Discovery.Resource = new Failure(FailureCode.Unavailable, "It does not answer.");
        Assert.Equal("client-1", Found(await ResolveAsync()).ClientId);
    }

    private Task<Result<ProviderApp>> ResolveAsync() => world.NewInstance().Directory.ResolveAsync(world.Org, world.Integration, default);

    private static ProviderApp Found(Result<ProviderApp> result) =>
        result.TryGet(out var app, out var failure) ? app : throw new Xunit.Sdk.XunitException(failure.ToString());

    private static Failure Refused(Result<ProviderApp> result) =>
        result.TryGet(out _, out var failure) ? throw new Xunit.Sdk.XunitException("It succeeded.") : failure;
}
