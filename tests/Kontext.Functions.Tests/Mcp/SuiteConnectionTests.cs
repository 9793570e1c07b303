using System.Text;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;

namespace Kontext.Functions.Tests.Mcp;

/// <summary>The MCP server of a product, used with the person's connection to the suite it belongs to.</summary>
public sealed class SuiteConnectionTests : IAsyncDisposable
{
    private readonly GatewayPorts ports = new();
    private McpServerDouble mail = null!;
    private GatewayApp gateway = null!;

    public async ValueTask DisposeAsync()
    {
        await gateway.DisposeAsync();
        await mail.DisposeAsync();
    }

    [Fact]
    public async Task It_is_called_with_that_credential_and_recorded_as_itself()
    {
        await StartAsync();

        var answer = await gateway.CallAsync(modern: true, "mail__echo");

        Assert.False((bool?)answer["result"]!["isError"] ?? false, answer.ToJsonString());
        Assert.Equal("Bearer upstream-secret-1", Assert.Single(mail.SeenOf("tools/call")).Headers["Authorization"]);
        Assert.All(ports.Audit.Where(happened => happened.Integration is not null), happened => Assert.Equal("mail", happened.Integration!.Name));
    }

    [Fact]
    public async Task Without_that_connection_its_person_is_asked_to_connect()
    {
        await StartAsync();
        ports.Connections.Clear();

        var answer = await gateway.CallAsync(modern: false, "mail__echo");

        Assert.Equal(-32042, (int)answer["error"]!["code"]!);
        Assert.Empty(mail.Seen);
    }

    [Theory]
    [InlineData("the suite was cut off", "cut off")]
    [InlineData("the suite was archived", "not connected")]
    [InlineData("the suite is another provider's", "another provider")]
    [InlineData("the suite's endpoints were written down by hand", "another provider")]
    [InlineData("people provide tokens for the suite", "another provider")]
    [InlineData("the suite's connections are void", "not connected")]
    [InlineData("the product is at another address", "another provider")]
    public async Task Nothing_is_sent_since(string change, string reason)
    {
        await StartAsync();
        var (suite, product) = (ports.Integrations[0], ports.Integrations[1]);
        ports.Integrations[0] = change switch
        {
            "the suite was cut off" => suite with { Suspended = true },
            "the suite was archived" => suite with { Archived = true },
            "the suite is another provider's" => suite with { OAuth = new IntegrationOAuth { Provider = "other" } },
            "the suite's endpoints were written down by hand" => suite with { OAuth = suite.OAuth! with { TokenUrl = "http://127.0.0.1:9/token" } },
            "people provide tokens for the suite" => suite with { AuthMode = AuthMode.UserToken },
            "the suite's connections are void" => suite with { ConnectionEpoch = 1 },
            _ => suite,
        };
        if (change == "the product is at another address")
            ports.Integrations[1] = product with { Url = new Uri(mail.Url, "/elsewhere").AbsoluteUri };

        var answer = await gateway.CallAsync(modern: true, "mail__echo");

        Assert.Contains(reason, answer.ToJsonString(), StringComparison.Ordinal);
        Assert.Empty(mail.Seen);
    }

    private async Task StartAsync()
    {
        mail = await McpServerDouble.StartAsync(modern: true);
        var catalog = new ProviderCatalog([Entry("suite", ""), Entry("other", ""), Entry("suite-mail", $""" "platformApp": "suite", "mcpEndpoint": "{mail.Url.AbsoluteUri}", """)]);
        var suite = GatewayApp.Connect(ports, "suite", new Uri("http://127.0.0.1:9"));
        ports.Integrations[0] = suite with { Category = IntegrationCategory.InternalMcpCredentials, OAuth = new IntegrationOAuth { Provider = "suite" } };
        var product = GatewayApp.Connect(ports, "mail", mail.Url, token: null);
        ports.Integrations[1] = product with { OAuth = new IntegrationOAuth { Provider = "suite-mail" }, ConnectionOf = suite.Id };
        gateway = await GatewayApp.StartAsync(ports, catalog: catalog);
    }

    private static CatalogProvider Entry(string key, string more) => ProviderCatalog.Read(new MemoryStream(Encoding.UTF8.GetBytes($$"""
        {
          "key": "{{key}}", "name": "{{key}}", "description": "For tests.", "documentation": "https://example.test", {{more}}
          "authorizationEndpoint": "https://example.test/authorize", "tokenEndpoint": "https://example.test/token"
        }
        """)))!;
}
