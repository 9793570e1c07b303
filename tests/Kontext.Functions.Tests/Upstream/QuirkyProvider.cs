using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Domain.Vault;
using Kontext.Functions.Upstream;
using Kontext.Testing;
using Kontext.Testing.Connections;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kontext.Functions.Tests.Upstream;

/// <summary>A provider on a port of its own that notes what it is asked and answers what a test says, and a catalog entry that describes it.</summary>
internal sealed class QuirkyProvider : IAsyncDisposable
{
    private readonly WebApplication app;

    private QuirkyProvider()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        app = builder.Build();
        app.Run(AnswerAsync);
    }

    /// <summary>A request as it came.</summary>
    public sealed record Request(string Method, string Address, IReadOnlyDictionary<string, string> Headers, string Body)
    {
        public IReadOnlyDictionary<string, string> Form => System.Web.HttpUtility.ParseQueryString(Body) is var fields
            ? fields.AllKeys.ToDictionary(key => key!, key => fields[key]!) : throw new InvalidOperationException();

        public JsonObject Json => JsonNode.Parse(Body)!.AsObject();

        public string? Header(string name) => Headers.GetValueOrDefault(name);
    }

    /// <summary>What came, in order.</summary>
    public ConcurrentQueue<Request> Requests { get; } = [];

    /// <summary>The status it answers with.</summary>
    public int Status { get; set; } = 200;

    /// <summary>What it answers.</summary>
    public string Body { get; set; } = """{"access_token":"at-1","token_type":"bearer","refresh_token":"rt-1","expires_in":3600}""";

    /// <summary>What it says the answer is.</summary>
    public string ContentType { get; set; } = "application/json";

    /// <summary>Its address.</summary>
    public string Url => app.Urls.First();

    public static async Task<QuirkyProvider> StartAsync()
    {
        var provider = new QuirkyProvider();
        await provider.app.StartAsync();
        return provider;
    }

    /// <summary>Our app there, found by way of a catalog entry with these members besides addresses at this server.</summary>
    public async Task<ProviderApp> AppAsync(string members, params (string Name, string Value)[] parameters)
    {
        var world = new ConnectionWorld(new ScriptedProvider(TimeProvider.System), new ManualTime(ConnectionWorld.Noon));
        var entry = new JsonObject
        {
            ["key"] = "quirky", ["name"] = "Quirky", ["description"] = "A provider.", ["documentation"] = "https://quirky.test/docs", ["clientAuthentication"] = "post",
            ["authorizationEndpoint"] = Url + "/authorize", ["tokenEndpoint"] = Url + "/token", ["revocationEndpoint"] = Url + "/revoke",
        };
        foreach (var (name, value) in JsonNode.Parse(members.Replace("{url}", Url, StringComparison.Ordinal))!.AsObject())
            entry[name] = value?.DeepClone();
        world.UseProvider(entry.ToJsonString(), parameters);
        return (await world.NewInstance().Directory.ResolveAsync(world.Org, world.Integration, default)).TryGet(out var found, out var failure)
            ? found : throw new Xunit.Sdk.XunitException(failure.ToString());
    }

    /// <summary>The client that talks to it.</summary>
    public static HttpProviderClient Client { get; } =
        new(GuardedHttp.Create(allowPrivateAddresses: true), allowPrivateAddresses: true, TimeSpan.FromSeconds(20), TimeProvider.System);

    /// <summary>Exchanges a code there.</summary>
    public async Task<(Result<TokenAnswer> Answer, Request Request)> ExchangeAsync(ProviderApp app) =>
        (await Client.ExchangeCodeAsync(app, new Secret("the-code"), new Uri("https://kontext.test/oauth/callback"), new Secret("the-verifier"), default), Requests.Last());

    /// <summary>Refreshes there.</summary>
    public async Task<(Result<TokenAnswer> Answer, Request Request)> RefreshAsync(ProviderApp app) =>
        (await Client.RefreshAsync(app, new Secret("the-refresh-token"), default), Requests.Last());

    /// <summary>Revokes there.</summary>
    public async Task<(Result<Done> Answer, Request Request)> RevokeAsync(ProviderApp app) =>
        (await Client.RevokeAsync(app, new Secret("the-token"), "access_token", default), Requests.Last());

    /// <summary>Asks whose token it is.</summary>
    public async Task<(string? Name, Request Request)> IdentityAsync(ProviderApp app) =>
        ((await Client.IdentityAsync(app.Name, app.Account!, new Secret("the-token"), default)).TryGet(out var name, out _) ? name : null, Requests.Last());

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body, Encoding.UTF8);
        Requests.Enqueue(new Request(
            context.Request.Method, context.Request.Path + context.Request.QueryString,
            context.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase), await reader.ReadToEndAsync()));
        context.Response.StatusCode = Status;
        context.Response.ContentType = ContentType;
        if (Status != StatusCodes.Status204NoContent)
            await context.Response.WriteAsync(Body);
    }
}
