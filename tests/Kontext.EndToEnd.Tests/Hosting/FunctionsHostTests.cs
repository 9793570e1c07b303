using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Kontext.EndToEnd.Tests.Hosting;

public sealed class FunctionsHostTests(PublishedApp app)
{
    private static readonly Dictionary<string, string> NoSettings = [];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_published_folder_is_what_the_functions_host_expects()
    {
        var root = await app.FolderAsync();
        var host = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(root, "host.json"), Cancelled))!;
        var program = Path.Combine(root, (string)host["customHandler"]!["description"]!["defaultExecutablePath"]!);
        Assert.True(File.Exists(program) || File.Exists(program + ".exe"));
        foreach (var function in Directory.EnumerateDirectories(Kontext.Testing.RepositoryFiles.Path("src", "Kontext.Functions", "host")))
            Assert.True(File.Exists(Path.Combine(root, Path.GetFileName(function), "function.json")));
        Assert.False(Directory.Exists(Path.Combine(root, "host")));
    }

    [Fact]
    public async Task The_program_starts_under_the_host_and_answers_through_it()
    {
        await using var host = await FunctionsHost.StartAsync(await app.FolderAsync(), NoSettings, Cancelled);
        using var response = await host.Client.GetAsync("/healthz", Cancelled);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("""{"status":"ok"}""", await response.Content.ReadAsStringAsync(Cancelled));
        // The empty path is passed on as well, and not answered by the host's own page.
        using var root = await host.Client.GetAsync("/", Cancelled);
        Assert.Contains(await host.InvocationsAsync(Cancelled), invocation => (string)invocation!["function"]! == "root");
        Assert.DoesNotContain("outside HTTP callers can reach", host.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Outside_requests_reach_no_trigger_however_they_spell_its_path()
    {
        await using var host = await FunctionsHost.StartAsync(await app.FolderAsync(), NoSettings, Cancelled);
        string[] functions = ["fn-audit-seal", "fn-refresh-sweep", "fn-refresh-backfill", "fn-signing-keys", "fn-data-keys", "fn-webhook-sweep", "fn_queue_work", "fn_queue_poison", "fn_bus_work", "fn_bus_dead"];
        foreach (var function in functions)
        {
            string[] paths = [$"/{function}", $"/{function}/", $"/FN{function[2..]}", $"/%66n{function[2..]}", $"//{function}", $"/mcp/../{function}", $"/mcp/..%2F{function}", $"/./{function}", $"/mcp/%2e%2e/{function}"];
            foreach (var path in paths)
                // Nobody's address, or one that the gateway takes for an integration's and wants a token for.
                Assert.Contains(await StatusOfRawPostAsync(host.Address, path), (int[])[401, 404]);
        }
        Assert.DoesNotContain(await host.InvocationsAsync(Cancelled), invocation => functions.Contains((string)invocation!["function"]!));
        foreach (var function in functions)
            Assert.DoesNotContain($"{function} ran", host.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("fn-audit-seal")]
    [InlineData("fn-refresh-sweep")]
    [InlineData("fn-refresh-backfill")]
    [InlineData("fn-signing-keys")]
    [InlineData("fn-data-keys")]
    [InlineData("fn-webhook-sweep")]
    public async Task The_hosts_timers_run_the_programs_work(string function)
    {
        await using var host = await FunctionsHost.StartAsync(await app.FolderAsync(), NoSettings, Cancelled);
        var outcome = await host.FireAsync(function, Cancelled);
        Assert.True((bool)outcome["succeeded"]!, outcome.ToJsonString());
    }

    [Fact]
    public async Task A_call_to_the_gateway_without_a_token_is_challenged_through_the_host()
    {
        await using var host = await FunctionsHost.StartAsync(await app.FolderAsync(), NoSettings, Cancelled);
        using var content = new StringContent("""{"jsonrpc":"2.0","id":1,"method":"tools/list"}""", Encoding.UTF8, "application/json");
        using var response = await host.Client.PostAsync("/mcp", content, Cancelled);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Contains(response.Headers.WwwAuthenticate, challenge => challenge.Scheme == "Bearer");
    }

    /// <summary>Posts to a path exactly as written: an HTTP client of the library would tidy it up first.</summary>
    private static async Task<int> StatusOfRawPostAsync(Uri address, string path)
    {
        using var connection = new TcpClient();
        await connection.ConnectAsync(address.Host, address.Port, Cancelled);
        await using var stream = connection.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: {address.Authority}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"), Cancelled);
        using var reader = new StreamReader(stream, Encoding.ASCII);
        var status = await reader.ReadLineAsync(Cancelled);
        return int.Parse(status!.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
    }
}
