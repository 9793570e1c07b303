using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;
using Kontext.Functions.Organizations;
using Kontext.Functions.Pages;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Account;

/// <summary>The page of the MCP servers a person's agents can reach through the gateway, with a warning at each that lacks the person's connection (seed 004).</summary>
internal sealed class McpServersEndpoints(SignedInPages pages, ServiceDirectory services, ConnectionSources connections, KontextSettings settings)
{
    private const string Path = McpServersModel.Path;

    public static void Map(IEndpointRouteBuilder app) =>
        app.MapGroup(Path).WithMetadata(new Surface(Authenticate: null, (context, failure) => LoadErrors.Of(context, failure, "MCP servers", Path)))
            .MapGet("", (HttpContext context, McpServersEndpoints self) => self.ShowAsync(context));

    private Task<IResult> ShowAsync(HttpContext context) => pages.ShowAsync(context, async (user, person) =>
    {
        var servers = await services.McpServersAsync(user.Org, context.RequestAborted);
        var cards = await Task.WhenAll(servers.Select(server => CardAsync(user, server, context.RequestAborted)));
        return PageResult.Of<McpServersPage>(new McpServersModel(person, settings.GatewayResource, cards));
    });

    private async Task<McpServerCard> CardAsync(BrowserUser user, Integration integration, CancellationToken cancellationToken)
    {
        var provider = services.ProviderOf(integration);
        var (source, state) = await connections.FindAsync(user.Org, user.User.Id, integration, cancellationToken);
        // A suite that is gone cannot be connected: its product is told to need itself, with the reason.
        var service = source is { Archived: false } ? source : integration;
        var need = !integration.NeedsConnection ? McpServerNeed.Nothing : state.Connected ? McpServerNeed.Connected : McpServerNeed.Connection;
        return new McpServerCard(
            integration.Id.ToString(), new McpServerService(service.Id.ToString(), ServiceBody.NameOf(service, services.ProviderOf(service))), ServiceBody.NameOf(integration, provider), provider?.Description, WebLink.HostOf(integration.Url),
            $"{settings.GatewayResource}/{ToolId.HandleOf(integration.Name)}", need,
            need == McpServerNeed.Connected ? state.Connection?.Account : null, need == McpServerNeed.Connection ? state.Reason : null, integration.Capabilities);
    }
}
