using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests.Hosting;

/// <summary>The program is killed (SIGKILL) under the host, again and again, in the middle of requests and messages. The host starts it anew, and nothing that was promised is lost.</summary>
public sealed class HandlerKillTests(PackagedApp app, AzuriteFixture azurite) : IDisposable
{
    private const int Kills = 8;
    private const int Deliveries = 12;
    private const int Callers = 3;

    // Not a multiple of what a request takes, so that each kill is at another step of one.
    private const int StepsBetween = 37;

    private readonly string folder = Directory.CreateTempSubdirectory("kontext-kills-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task A_handler_killed_at_any_moment_loses_no_message_and_nothing_it_has_answered_for()
    {
        // The package is made before the time is taken.
        var root = await app.FolderAsync();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromMinutes(10));
        var account = await azurite.EmptyAccountAsync();
        var tables = new Uri(account.Split("TableEndpoint=")[1].Split(';')[0]);
        await using var receiver = new WebhookReceiver();
        await using var storage = await Wire.OpenAsync(tables);
        await using var host = await FunctionsHost.StartAsync(
            root,
            new Dictionary<string, string>
            {
                ["Kontext__Storage"] = account.Replace(tables.Authority, storage.Address.Authority, StringComparison.Ordinal),
                ["KontextQueue"] = account,
                ["Kontext__KeyDirectory"] = Path.Combine(folder, "keys"),
                ["AzureFunctionsJobHost__extensions__queues__visibilityTimeout"] = "00:00:01",
            },
            limit.Token, queues: true, restarts: int.MaxValue);
        var agent = new TestAgent(host.Address);
        var token = await agent.ManagementTokenAsync("olivia");
        var webhook = (string)(await agent.ApiAsync(HttpMethod.Post, "/webhooks", token, new JsonObject { ["url"] = receiver.Url })).Json!["webhook"]!["id"]!;

        // Receivers see it die while they are told, storage before and after it is written to.
        var (kills, steps) = (0, 0);
        bool Kill()
        {
            if (Interlocked.Increment(ref kills) > Kills)
                return false;
            host.KillHandler();
            return true;
        }
        receiver.Answer = number => number is 2 or 5 && Kill() ? 0 : 200;
        storage.Rule = async (request, pass) =>
        {
            var step = Interlocked.Increment(ref steps);
            if (step % StepsBetween != 0)
                return await pass();
            if (step % (2 * StepsBetween) == 0)
                return Kill() ? null : await pass();
            var answer = await pass();
            return Kill() ? null : answer;
        };

        var (promised, made, answered) = (new ConcurrentBag<string>(), new ConcurrentBag<string>(), new ConcurrentBag<string>());
        var calling = Enumerable.Range(0, Callers).Select(async caller =>
        {
            for (var number = 0; Volatile.Read(ref kills) <= Kills; number++)
            {
                var name = string.Create(CultureInfo.InvariantCulture, $"service-{caller}-{number}");
                await UntilAsync(async () =>
                {
                    var body = new JsonObject { ["name"] = name, ["url"] = "http://127.0.0.1:9/mcp", ["authMode"] = "oauth", ["oauth"] = OAuthApp() };
                    var status = (await agent.ApiAsync(HttpMethod.Post, "/integrations", token, body)).Status;
                    if (status == HttpStatusCode.Created)
                        answered.Add(name);
                    // Whoever is told that it is there has asked before, and was cut off.
                    return status is HttpStatusCode.Created or HttpStatusCode.Conflict;
                }, limit.Token);
                made.Add(name);
                if (promised.Count < Deliveries && await AnswerAsync(() => agent.ApiAsync(HttpMethod.Post, $"/webhooks/{webhook}/test", token)) is { Status: HttpStatusCode.Accepted or HttpStatusCode.OK or HttpStatusCode.Created } queued)
                    promised.Add((string)queued.Json!["delivery"]!["messageId"]!);
            }
        });
        await Task.WhenAll(calling);
        Assert.NotEmpty(promised);

        var received = new Dictionary<string, string>(StringComparer.Ordinal);
        while (promised.Any(id => !received.ContainsKey(id)))
        {
            var message = await receiver.NextAsync(limit.Token);
            // The same message every time, if it comes more than once.
            Assert.True(received.TryAdd(message.Id, message.Body) || received[message.Id] == message.Body);
        }
        var listed = await IntegrationsAsync(agent, token);
        Assert.Equal(made.Order(StringComparer.Ordinal), listed.Where(name => name.StartsWith("service-", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.Empty((await agent.ApiAsync(HttpMethod.Get, "/work/failed", token)).Json!["items"]!.AsArray());
        var export = await ExportAsync(host, token, limit.Token);
        foreach (var name in answered)
            Assert.Contains($"{name} (", export, StringComparison.Ordinal);
        var (file, keySet) = (Path.Combine(folder, "export"), Path.Combine(folder, "keys.json"));
        await File.WriteAllTextAsync(file, export, limit.Token);
        await File.WriteAllTextAsync(keySet, await host.Client.GetStringAsync(new Uri("/.well-known/jwks.json", UriKind.Relative), limit.Token), limit.Token);
        using var verify = Process.Start(Path.Combine(root, "Kontext.Functions"), ["audit", "verify", file, "--keys", keySet]);
        await verify.WaitForExitAsync(limit.Token);
        Assert.Equal(0, verify.ExitCode);
    }

    private static JsonObject OAuthApp() => new()
    {
        ["authorizationUrl"] = "https://provider.example/authorize", ["tokenUrl"] = "https://provider.example/token", ["clientId"] = "kontext",
    };

    /// <summary>Asks until somebody answers for it, as a client does whose call was cut off.</summary>
    private static async Task UntilAsync(Func<Task<bool>> done, CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                if (await done())
                    return;
            }
            catch (HttpRequestException)
            {
                // The host's connection ended with the program.
            }
        }
    }

    private static async Task<JsonAnswer?> AnswerAsync(Func<Task<JsonAnswer>> call)
    {
        try
        {
            return await call();
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    private static async Task<List<string>> IntegrationsAsync(TestAgent agent, string token)
    {
        var (names, cursor) = (new List<string>(), "");
        do
        {
            var page = (await agent.ApiAsync(HttpMethod.Get, $"/integrations?limit=50{cursor}", token)).Json!;
            names.AddRange(page["items"]!.AsArray().Select(integration => (string)integration!["name"]!));
            cursor = page["nextCursor"] is { } next ? $"&cursor={Uri.EscapeDataString((string)next!)}" : "";
        }
        while (cursor.Length > 0);
        return names;
    }

    private static async Task<string> ExportAsync(FunctionsHost host, string token, CancellationToken cancellationToken)
    {
        // The day may end while the test runs.
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(host.Address, $"/api/v1/audit/export?from={now.AddHours(-1):yyyy-MM-dd}&to={now:yyyy-MM-dd}"));
        request.Headers.Authorization = new("Bearer", token);
        using var answer = await host.Client.SendAsync(request, cancellationToken);
        answer.EnsureSuccessStatusCode();
        return await answer.Content.ReadAsStringAsync(cancellationToken);
    }
}
