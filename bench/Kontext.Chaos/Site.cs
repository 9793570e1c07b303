using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Chaos;

/// <summary>Everything a run needs: instances on one storage account, two providers, tool servers, agents, people, and their connections.</summary>
internal sealed class Site : IAsyncDisposable
{
    private const int InstanceCount = 3;
    private const int AgentCount = 4;
    private const int PersonCount = 8;

    /// <summary>How long the providers' access tokens live while things go wrong.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromSeconds(4);

    private readonly AzuriteFixture azurite = new();
    private readonly string keys = Directory.CreateTempSubdirectory("kontext-chaos-").FullName;
    private readonly ConcurrentDictionary<string, string> accountOfToken = new(StringComparer.Ordinal);
    private readonly Journal journal;
    private readonly Choices dice;
    private readonly List<Instance> instances = [];
    private readonly List<ProviderRelay> relays = [];
    private readonly List<Agent> agents = [];
    private readonly List<Person> people = [];
    private readonly List<Account> accounts = [];
    private readonly ConcurrentDictionary<(Agent, Person), AgentSession> sessions = [];
    private Wire? front;
    private ToolServer? tools;
    private Owner? owner;
    private TestAgent? kontext;

    private Site(Journal journal, Choices dice) => (this.journal, this.dice) = (journal, dice);

    /// <summary>The instances.</summary>
    public IReadOnlyList<Instance> Instances => instances;

    /// <summary>The providers.</summary>
    public IReadOnlyList<ProviderRelay> Relays => relays;

    /// <summary>The agents.</summary>
    public IReadOnlyList<Agent> Agents => agents;

    /// <summary>The people.</summary>
    public IReadOnlyList<Person> People => people;

    /// <summary>The accounts they connected.</summary>
    public IReadOnlyList<Account> Accounts => accounts;

    /// <summary>Sessions that were revoked; agents go on trying them.</summary>
    public ConcurrentQueue<AgentSession> DeadSessions { get; } = [];

    /// <summary>The administrator.</summary>
    public Owner Owner => owner ?? throw new InvalidOperationException("Nothing is set up.");

    /// <summary>The installation's address, behind which is whatever instance answers.</summary>
    public Uri PublicUrl => front!.Address;

    /// <summary>Whose a provider's access token is; null when no provider gave it out.</summary>
    public string? OwnerOf(string accessToken) => accountOfToken.GetValueOrDefault(accessToken);

    /// <summary>The session of a person with an agent.</summary>
    public AgentSession SessionOf(Agent agent, Person person) => sessions[(agent, person)];

    /// <summary>All that are in use.</summary>
    public ICollection<AgentSession> Sessions => sessions.Values;

    /// <summary>Replaces it.</summary>
    public void Renew(AgentSession session) => sessions[(session.Agent, session.Person)] = session;

    /// <summary>Starts everything and sets it up, while nothing goes wrong yet.</summary>
    public static async Task<Site> CreateAsync(ChaosOptions options, Journal journal, Choices dice)
    {
        var site = new Site(journal, dice);
        try
        {
            await site.StartAsync(options);
            await site.SetUpAsync(options.Connections);
            return site;
        }
        catch
        {
            await site.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var instance in instances)
            await instance.DisposeAsync();
        foreach (var relay in relays)
            await relay.DisposeAsync();
        foreach (var person in people)
            person.Dispose();
        owner?.Dispose();
        if (front is not null)
            await front.DisposeAsync();
        if (tools is not null)
            await tools.DisposeAsync();
        await azurite.DisposeAsync();
        Directory.Delete(keys, recursive: true);
    }

    private async Task StartAsync(ChaosOptions options)
    {
        var storage = await azurite.EmptyAccountAsync();
        for (var number = 0; number < InstanceCount; number++)
            instances.Add(await Instance.CreateAsync(number, storage, keys, options, dice.Apart(10 + number), journal));
        front = await Wire.OpenAsync(instances[0].Url);
        front.Rule = BalanceAsync;
        // One after the other: the first makes the installation's keys and tables.
        foreach (var instance in instances)
            await instance.StartAsync(PublicUrl);
        relays.Add(await ProviderRelay.StartAsync(strict: true, Life, accountOfToken, dice.Apart(20), journal));
        relays.Add(await ProviderRelay.StartAsync(strict: false, Life, accountOfToken, dice.Apart(21), journal));
        tools = await ToolServer.StartAsync(accountOfToken, journal);
        kontext = new TestAgent(PublicUrl);
        owner = new Owner(instances, kontext, dice.Apart(30), journal);
    }

    private async Task<WireAnswer?> BalanceAsync(WireRequest request, Func<Task<WireAnswer>> pass)
    {
        if (instances.Where(instance => instance.Up).ToList() is { Count: > 0 } up)
            front!.Target = dice.Of(up).Url;
        try
        {
            return await pass();
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    private async Task SetUpAsync(int connections)
    {
        for (var number = 0; number < PersonCount; number++)
            people.Add(new Person($"person{number}", kontext!, PublicUrl));
        accounts.AddRange(await Task.WhenAll(Enumerable.Range(0, connections).Select(AddAccountAsync)));
        agents.AddRange(await Task.WhenAll(Enumerable.Range(0, AgentCount).Select(AddAgentAsync)));
        await Task.WhenAll(people.Select(async person =>
        {
            foreach (var agent in agents)
                Renew(await person.ApproveAsync(agent, journal));
            foreach (var account in accounts.Where(account => account.Person == person))
                await person.ConnectAsync(account, SessionOf(agents[0], person));
        }));
    }

    private async Task<Account> AddAccountAsync(int number)
    {
        var (name, relay) = ($"account{number}", relays[number % relays.Count]);
        var made = await Owner.DoAsync(HttpMethod.Post, "/integrations", new JsonObject
        {
            ["name"] = name,
            ["url"] = tools!.AddressOf(name).AbsoluteUri,
            ["authMode"] = "oauth",
            ["oauth"] = new JsonObject
            {
                ["authorizationUrl"] = $"{relay.Provider.Issuer}/authorize?login_hint={name}",
                ["tokenUrl"] = relay.TokenEndpoint(name).AbsoluteUri,
                ["clientId"] = "vault-public",
                ["scopes"] = new JsonArray("openid", "api.read"),
            },
        }, counted: false);
        return new Account(name, (string)made!["integration"]!["id"]!, people[number / relays.Count % people.Count], relay);
    }

    private async Task<Agent> AddAgentAsync(int number)
    {
        var made = (await Owner.DoAsync(HttpMethod.Post, "/applications", new JsonObject
        {
            ["name"] = $"Agent {number}",
            ["oauth"] = new JsonObject { ["type"] = "public", ["redirectUris"] = new JsonArray(TestAgent.RedirectUri) },
        }, counted: false))!["application"]!;
        var agent = new Agent((string)made["name"]!, (string)made["id"]!, (string)made["clientId"]!);
        await Owner.DoAsync(HttpMethod.Put, $"/applications/{agent.Id}/integrations", new JsonObject { ["integrationIds"] = new JsonArray([.. accounts.Select(account => (JsonNode)account.Integration)]) }, counted: false);
        return agent;
    }
}
