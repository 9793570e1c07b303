using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;
using Kontext.Functions.Organizations;
using Kontext.Functions.Pages;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Account;

/// <summary>The page of the MCP servers a person's agents can reach through the gateway, with a warning at each that lacks the person's connection (seed 004).</summary>
internal sealed class McpServersEndpoints(SignedInPages pages, ServiceDirectory services, IConnectionStore connections, KontextSettings settings, TimeProvider time)
{
    private const string Path = McpServersModel.Path;

    public static void Map(IEndpointRouteBuilder app) =>
        app.MapGroup(Path).WithMetadata(new Surface(Authenticate: null, (context, failure) => LoadErrors.Of(context, failure, "MCP servers", Path)))
            .MapGet("", (HttpContext context, McpServersEndpoints self) => self.ShowAsync(context));

    private Task<IResult> ShowAsync(HttpContext context) => pages.ShowAsync(context, async (user, person) =>
    {
        var servers = await services.McpServersAsync(user.Org, context.RequestAborted);
        var rows = (await connections.ListAsync(user.Org, user.User.Id, context.RequestAborted)).ToDictionary(connection => connection.Integration);
        return PageResult.Of<McpServersPage>(new McpServersModel(person, settings.GatewayResource, servers.ConvertAll(server => CardOf(server, rows.GetValueOrDefault(server.Id)))));
    });

    private McpServerCard CardOf(Integration integration, Connection? connection)
    {
        var provider = services.ProviderOf(integration);
        var state = ConnectionState.Of(integration, connection, time.GetUtcNow());
        var need = !integration.NeedsConnection ? McpServerNeed.Nothing : state.Connected ? McpServerNeed.Connected : McpServerNeed.Connection;
        return new McpServerCard(
            integration.Id.ToString(), ServiceBody.NameOf(integration, provider), provider?.Description, WebLink.HostOf(integration.Url),
            $"{settings.GatewayResource}/{ToolId.HandleOf(integration.Name)}", need,
            need == McpServerNeed.Connected ? state.Connection?.Account : null, need == McpServerNeed.Connection ? state.Reason : null, integration.Capabilities);
    }
}
