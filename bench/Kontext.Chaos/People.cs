using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kontext.Testing;

namespace Kontext.Chaos;

/// <summary>An agent: an application with every integration attached.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Id">Its id.</param>
/// <param name="ClientId">Its client id.</param>
internal sealed record Agent(string Name, string Id, string ClientId);

/// <summary>What a person approved for an agent, with the access token that came of it.</summary>
/// <param name="Agent">The agent.</param>
/// <param name="Person">The person.</param>
/// <param name="Id">The session's id.</param>
/// <param name="Token">The access token for the gateway.</param>
/// <param name="At">When it was approved.</param>
internal sealed record AgentSession(Agent Agent, Person Person, string Id, string Token, TimeSpan At);

/// <summary>An account at a provider, which one person connects through one integration; account and integration have one name.</summary>
internal sealed class Account(string name, string integration, Person person, ProviderRelay relay)
{
    private int connecting;

    /// <summary>The name.</summary>
    public string Name => name;

    /// <summary>The integration's id.</summary>
    public string Integration => integration;

    /// <summary>Who connects it.</summary>
    public Person Person => person;

    /// <summary>Its provider.</summary>
    public ProviderRelay Relay => relay;

    /// <summary>A revocation of it is under way, or was acknowledged a short time ago: nobody connects it again yet.</summary>
    public bool Held { get; set; }

    /// <summary>The last revocation of it.</summary>
    public Revocation? Ended { get; set; }

    /// <summary>When it was connected last.</summary>
    public TimeSpan ConnectedAt { get; set; }

    /// <summary>The right to connect it, which one has at a time.</summary>
    public bool TryBeginConnecting() => Interlocked.CompareExchange(ref connecting, 1, 0) == 0;

    /// <summary>Gives it back.</summary>
    public void EndConnecting() => Volatile.Write(ref connecting, 0);
}

/// <summary>A person with a browser. What they do goes to the installation's public address.</summary>
internal sealed class Person(string name, TestAgent kontext, Uri publicUrl) : IDisposable
{
    private readonly FormBrowser browser = new();
    private readonly SemaphoreSlim hands = new(1);

    /// <summary>The name they sign in with.</summary>
    public string Name => name;

    /// <summary>Their id; empty until they approved something.</summary>
    public string Id { get; private set; } = "";

    /// <summary>Approves an agent.</summary>
    public async Task<AgentSession> ApproveAsync(Agent agent, Journal journal)
    {
        await hands.WaitAsync();
        try
        {
            var answer = await kontext.AuthorizeAsync(browser, agent.ClientId, name, kontext.Gateway);
            var token = answer["access_token"] ?? throw new InvalidOperationException($"{name} got no token for {agent.Name}: {answer.Json}");
            var claims = JsonNode.Parse(Encoding.UTF8.GetString(Base64Url.DecodeFromChars(token.Split('.')[1])))!;
            Id = (string)claims["sub"]!;
            return new AgentSession(agent, this, (string)claims["sid"]!, token, journal.Now);
        }
        finally
        {
            hands.Release();
        }
    }

    /// <summary>Connects an account, or connects it again, with a link that an agent asked for.</summary>
    public async Task ConnectAsync(Account account, AgentSession session)
    {
        await hands.WaitAsync();
        try
        {
            var link = await TestAgent.CallAsync(publicUrl, HttpMethod.Post, "/mcp/connect-session", session.Token, new JsonObject());
            var page = await browser.OpenAsync(new Uri(link["connectUrl"] ?? throw new InvalidOperationException($"No connect link: {link.Json}")));
            var form = page.Document.Forms.FirstOrDefault(candidate => candidate.GetAttribute("action")?.EndsWith("/start", StringComparison.Ordinal) == true
                    && candidate.QuerySelector("input[name=integration]")?.GetAttribute("value")?.EndsWith(account.Integration, StringComparison.Ordinal) == true)
                ?? throw new InvalidOperationException($"The page does not offer {account.Name}: {(int)page.Status}");
            page = await browser.SubmitAsync(page, form.QuerySelector("button")!);
            if ((int)page.Status != 200 || !page.Text.Contains("connected", StringComparison.OrdinalIgnoreCase))
                throw new InvalidOperationException($"{account.Name} was not connected: {(int)page.Status} {page.Text.Trim()}");
        }
        finally
        {
            hands.Release();
        }
    }

    /// <summary>Is this how a person's attempt fails while instances are killed and storage fails? They try again.</summary>
    public static bool IsTrouble(Exception failure) => failure is HttpRequestException or IOException or InvalidOperationException or JsonException or OperationCanceledException or KeyNotFoundException or UriFormatException;

    /// <inheritdoc/>
    public void Dispose()
    {
        browser.Dispose();
        hands.Dispose();
    }
}
