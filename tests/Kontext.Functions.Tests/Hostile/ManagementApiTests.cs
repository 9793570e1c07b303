using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Functions.OpenApi;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Hostile;

/// <summary>Every operation of the management API, as owner, member, nobody and the owner of another organization, with what no client would send (issue: hostile input).</summary>
public sealed class ManagementApiTests(HostileWorld world) : IClassFixture<HostileWorld>
{
    private readonly Verdict verdict = new();
    private readonly Dice dice = new(20261121);
    private int made;

    [Fact]
    public async Task No_operation_breaks_or_tells_about_the_inside()
    {
        string? owner = null, member = null, foreign = null;
        var covered = 0;
        // What ends the callers' own tokens comes last.
        foreach (var operation in ApiReference.Operations.OrderBy(operation => operation.Path.StartsWith("/me", StringComparison.Ordinal) || operation.Path.StartsWith("/signing-keys", StringComparison.Ordinal)))
        {
            owner = await world.AliveAsync(owner, () => world.Agent.ManagementTokenAsync(KontextFixture.Owner));
            member = await world.AliveAsync(member, () => world.Agent.ManagementTokenAsync("mallory"));
            foreign = await world.AliveAsync(foreign, world.ForeignTokenAsync);
            var ids = await IdsAsync(owner);
            var requests = Requests(operation, ids).ToList();
            var others = dice.Some(requests, 12).ToList();
            await Parallel.ForEachAsync(
                requests.Select(request => (request, owner)).Concat(others.SelectMany(request => new (Mutant, string)[] { (request, member), (request, foreign), (request, "") })),
                new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (attack, _) => await SendAsync(attack.Item1, attack.Item2));
            covered++;
        }
        Assert.True(covered > 90 && verdict.Sent > 5_000, $"{covered} operations, {verdict.Sent} requests");
        TestContext.Current.TestOutputHelper?.WriteLine($"{covered} operations, {verdict.Sent} requests");
        verdict.Hold();
        await world.LivesAsync();
    }

    private sealed record Mutant(string Method, string Target, string What, byte[]? Body = null, string? ContentType = "application/json", (string Name, string Value)? Header = null, (string Name, string Value)? ContentHeader = null);

    private async Task SendAsync(Mutant mutant, string token)
    {
        using var request = world.Request(mutant.Method, mutant.Target, token.Length == 0 ? null : token, mutant.Body, mutant.ContentType);
        if (mutant.Header is { } header)
        {
            if (header.Name == "Authorization")
                request.Headers.Authorization = null;
            request.Headers.TryAddWithoutValidation(header.Name, header.Value);
        }
        if (mutant.ContentHeader is { } content)
            request.Content?.Headers.TryAddWithoutValidation(content.Name, content.Value);
        await verdict.SendAsync(world.Http, request, mutant.What);
    }

    private IEnumerable<Mutant> Requests(ApiOperation operation, IReadOnlyDictionary<string, string> ids)
    {
        var (method, target) = (operation.Method, "/api/v1" + Fill(operation.Path, ids));
        var good = operation.Body is null ? null : ApiSamples.Good(operation, ids, Next()).ToJsonString();
        var goodBytes = good is null ? null : Encoding.UTF8.GetBytes(good);
        yield return new(method, target, "as it should be", goodBytes);

        // Paths.
        foreach (var segment in dice.Some(Nastiness.Segments, 14))
        {
            var places = operation.Path.Split('/').Select((part, index) => (part, index)).Where(part => part.part.StartsWith('{')).Select(part => part.index).ToList();
            if (places.Count == 0)
                yield return new(method, target + "/" + segment, $"path +{segment}", goodBytes);
            else
            {
                var parts = Fill(operation.Path, ids).Split('/');
                parts[dice.Pick(places)] = segment;
                yield return new(method, "/api/v1" + string.Join('/', parts), $"path {segment}", goodBytes);
            }
        }
        yield return new(method, target.Replace("/api/v1", "/api//v1", StringComparison.Ordinal), "path //", goodBytes);
        yield return new(method, target.Replace("/api/v1", "/x/../api/v1", StringComparison.Ordinal), "path ..", goodBytes);

        // Queries: those that are known, twice, and others.
        foreach (var name in operation.Query.Select(parameter => parameter.Name).Append("limit").Append("cursor").Append("x").Distinct())
        {
            foreach (var value in dice.Some(Nastiness.Text, operation.Query.Count == 0 ? 1 : 9))
                yield return new(method, $"{target}?{name}={Uri.EscapeDataString(value)}", $"?{name}={value}", goodBytes);
            yield return new(method, $"{target}?{name}=1&{name}=2&{name}", $"?{name} twice", goodBytes);
            yield return new(method, $"{target}?{name}=%ff%00%ed%a0%80", $"?{name} no UTF-8", goodBytes);
            yield return new(method, $"{target}?{name}[]=1&{name}[a]=2", $"?{name}[]", goodBytes);
        }

        // Headers.
        foreach (var header in dice.Some(Nastiness.Headers, 10))
            yield return new(method, target, $"{header.Name}: {header.Value}", goodBytes, Header: header);

        // Bodies.
        foreach (var body in operation.Body is null ? dice.Some(Nastiness.Bodies("{\"a\":1}").ToList(), 4) : Nastiness.Bodies(good!))
            yield return new(method, target, $"body {Encoding.UTF8.GetString(body[..Math.Min(body.Length, 60)])}", body);
        foreach (var type in dice.Some(Nastiness.ContentTypes, 8))
            yield return new(method, target, $"Content-Type: {type}", goodBytes ?? "{}"u8.ToArray(), type);
        yield return new(method, target, "no content type", goodBytes ?? "{}"u8.ToArray(), null);
        yield return new(method, target, "gzip garbage", "garbage"u8.ToArray(), ContentHeader: ("Content-Encoding", "gzip"));
        yield return new(method, target, "gzip", Nastiness.Gzip(good ?? "{}"), ContentHeader: ("Content-Encoding", "gzip"));
        if (operation.Body is null)
            yield break;
        var fields = operation.Body.Properties.Select(property => property.Name).ToList();
        if (fields.Count > 0)
            yield return new(method, target, "a megabyte", Nastiness.Huge(dice.Pick(fields)));
        foreach (var marked in ApiSamples.Marked(operation, ids, Next))
        {
            foreach (var value in dice.Some(Nastiness.Json, 24))
            {
                var spoiled = marked.Replace($"\"{ApiSamples.Place}\"", value, StringComparison.Ordinal);
                yield return new(method, target, spoiled[..Math.Min(spoiled.Length, 400)], Encoding.UTF8.GetBytes(spoiled));
            }
        }
    }

    private int Next() => Interlocked.Increment(ref made);

    private static string Fill(string path, IReadOnlyDictionary<string, string> ids) => string.Join('/', path.Split('/').Select(part => !part.StartsWith('{') ? part : part switch
    {
        "{integration}" => ids["integration"],
        "{key}" => "github",
        _ => path.Split('/')[1] switch { "applications" => ids["application"], "integrations" or "providers" => ids["integration"], "service-accounts" => ids["serviceAccount"], "webhooks" => ids["webhook"], "policy" => ids["rule"], _ => "00000000-0000-4000-8000-000000000000" },
    }));

    private Dictionary<string, string>? known;

    /// <summary>One of everything, made anew when an operation removed it.</summary>
    private async Task<Dictionary<string, string>> IdsAsync(string token)
    {
        if (known is not null)
        {
            var alive = true;
            foreach (var path in new[] { $"/applications/{known["application"]}", $"/integrations/{known["integration"]}", $"/service-accounts/{known["serviceAccount"]}", $"/webhooks/{known["webhook"]}", $"/policy/rules/{known["rule"]}" })
                alive &= (await world.Agent.ApiAsync(HttpMethod.Get, path, token)).Status == HttpStatusCode.OK;
            if (alive)
                return known;
        }
        var name = $"w{Guid.NewGuid():n}"[..12];
        var ids = new Dictionary<string, string>
        {
            ["application"] = (string)(await world.MakeAsync("/applications", token, new JsonObject { ["name"] = name, ["oauth"] = new JsonObject { ["type"] = "confidential", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) } }))["application"]!["id"]!,
            ["integration"] = (string)(await world.MakeAsync("/integrations", token, new JsonObject { ["name"] = name, ["url"] = "https://mcp.example.invalid/mcp", ["authMode"] = "user_token" }))["integration"]!["id"]!,
            ["victim"] = (string)(await world.MakeAsync("/integrations", token, new JsonObject { ["name"] = name + "v", ["url"] = "https://mcp.example.invalid/mcp", ["authMode"] = "user_token" }))["integration"]!["id"]!,
            ["serviceAccount"] = (string)(await world.MakeAsync("/service-accounts", token, new JsonObject { ["name"] = name }))["serviceAccount"]!["id"]!,
            ["webhook"] = (string)(await world.MakeAsync("/webhooks", token, new JsonObject { ["url"] = "https://hooks.example.invalid/in" }))["webhook"]!["id"]!,
        };
        ids["rule"] = (string)(await world.MakeAsync("/policy/rules", token, new JsonObject { ["action"] = "allow", ["scope"] = "server", ["level"] = "org", ["integrationId"] = ids["integration"] }))["rule"]!["id"]!;
        return known = ids;
    }
}
