using System.Collections.Immutable;
using System.Net;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Domain.Work;
using Kontext.Functions.Account;
using Kontext.Functions.Connect;
using Kontext.Functions.Limits;
using Kontext.Functions.SignIn;
using Kontext.Functions.Storage;
using Kontext.Functions.Upstream;
using Kontext.Testing.Connections;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Kontext.Functions.Tests.Connect;

/// <summary>The connect endpoints on a port of their own, as registered in the program, with pages in plain text and a person who is always signed in.</summary>
internal sealed class ConnectApp : IAsyncDisposable, IIntegrationStore, IApplicationStore
{
    private const string CsrfToken = "csrf-of-the-browser";
    private readonly Dictionary<IntegrationId, Integration> integrations = [];
    private readonly WebApplication app;
    private readonly HttpClient http;
    private readonly CollectingQueue queue = new();
    private readonly Application application;

    private ConnectApp(string issuer)
    {
        World = new ConnectionWorld(new ScriptedProvider(TimeProvider.System), new Testing.ManualTime(ConnectionWorld.Noon));
        OAuth = Add("upstream", AuthMode.Oauth, new IntegrationOAuth { Issuer = issuer, ClientId = "vault-client", ClientSecretVersion = "1", Scopes = ["openid", "api.read"] });
        Keyed = Add("keyed", AuthMode.UserToken, null);
        Fielded = Add("fielded", AuthMode.UserToken, null, ImmutableDictionary<string, string>.Empty.Add("apiKey", "string").Add("site", "string"));
        application = new Application
        {
            Id = Ids.Named<AppId>("agent"), Name = "Agent", OAuth = new OAuthClient { RedirectUris = ["https://agent.test/callback"] },
            Integrations = [OAuth, Keyed, Fielded], CreatedAt = ConnectionWorld.Noon, UpdatedAt = ConnectionWorld.Noon,
        };
        Unattached = Add("unattached", AuthMode.Oauth, new IntegrationOAuth { Issuer = issuer, ClientId = "vault-client" });
        SignedIn = new BrowserUser(World.Org, World.User, "binding", CsrfToken, World.Time.GetUtcNow());

        var settings = new KontextSettings
        {
            PublicUrl = new Uri("http://localhost:7071"), Storage = "memory", KeyDirectory = "unused", Organization = "dev", Development = true, AllowPrivateUpstreams = true,
        };
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddSingleton<ITableSource, MemoryTables>().AddSingleton<ICredentialVault>(World.Vault).AddSingleton<ISealer, PlainSealer>()
            .AddSingleton<IConnectionStore>(World.Connections).AddSingleton<IIntegrationStore>(this).AddSingleton<IApplicationStore>(this)
            .AddSingleton<IAuditLog>(World.Audit).AddSingleton<TimeProvider>(World.Time).AddSingleton<IConnectPages, TextPages>()
            .AddSingleton<EpochFeed>().AddSingleton<FreshCache>().AddSingleton<IUserStore, UserStore>()
            .AddSingleton(settings).AddSingleton<BrowserSessions>().AddSingleton<PageNotices>()
            .AddSingleton<IMcpUpstream>(new HttpMcpUpstream(GuardedHttp.Create(allowPrivateAddresses: true), GuardedHttp.Create(allowPrivateAddresses: true), new UpstreamEras(World.Time), UpstreamLimits.Ordinary))
            .AddSingleton(new RequestSlots(settings))
            .AddKontextConnections(settings)
            .AddSingleton<IParkedGrants>(World.Parked).AddSingleton<IWorkQueue>(queue);
        app = builder.Build();
        app.UseRouting();
        app.UseMiddleware<SurfaceMiddleware>();
        ConnectEndpoints.Map(app, settings, _ => new ValueTask<BrowserUser?>(SignedIn));
        http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
    }

    public ConnectionWorld World { get; }

    public BrowserUser? SignedIn { get; set; }

    public IntegrationId OAuth { get; }

    public IntegrationId Keyed { get; }

    public IntegrationId Fielded { get; }

    public IntegrationId Unattached { get; }

    public static async Task<ConnectApp> StartAsync(string issuer)
    {
        var started = new ConnectApp(issuer);
        await started.World.Vault.PutAsync(started.World.Org, CredentialName.ClientSecret(started.OAuth), new Secret("vault-secret"), default);
        started.integrations[started.OAuth] = started.integrations[started.OAuth] with
        {
            OAuth = started.integrations[started.OAuth].OAuth! with
            {
                ClientSecretVersion = (await started.World.Vault.GetLatestAsync(started.World.Org, CredentialName.ClientSecret(started.OAuth), default))!.Value.Version,
            },
        };
        await started.app.StartAsync();
        started.http.BaseAddress = new Uri(started.app.Urls.First());
        return started;
    }

    public async Task<string> LinkAsync(string returnUrl = "https://agent.test/done")
    {
        var session = new Session
        {
            Id = Ids.Named<SessionId>("s"), Application = application.Id, User = World.User.Id, Name = "s", CreatedAt = ConnectionWorld.Noon, ExpiresAt = ConnectionWorld.Noon + TimeSpan.FromDays(1),
        };
        var link = await app.Services.GetRequiredService<IConnectLinks>().CreateAsync(new AgentCaller(World.Org, application, World.User, session, []), null, returnUrl, default);
        return System.Web.HttpUtility.ParseQueryString(link.Url.Query)["session"]!;
    }

    public async Task SweepAsync()
    {
        await app.Services.GetRequiredService<RefreshSweep>().RunAsync(default);
        while (queue.TryTake(out var work))
            await app.Services.GetRequiredService<RefreshWork>().RunAsync((RefreshConnection)work, default);
    }

    public Task<Answer> GetAsync(string path) => SendAsync(new HttpRequestMessage(HttpMethod.Get, path));

    public Task<Answer> PostAsync(string path, string session, IntegrationId integration, params (string Name, string Value)[] more) =>
        PostAsync(path, session, integration, CsrfToken, null, more);

    public Task<Answer> PostAsync(string path, string session, IntegrationId integration, string csrf = CsrfToken, string? origin = null, params (string Name, string Value)[] more)
    {
        var form = new Dictionary<string, string> { ["csrf"] = csrf, ["session"] = session, ["integration"] = integration.ToString() };
        foreach (var (name, value) in more)
            form[name] = value;
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new FormUrlEncodedContent(form) };
        if (origin is not null)
            request.Headers.Add("Origin", origin);
        return SendAsync(request);
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await app.DisposeAsync();
    }

    private async Task<Answer> SendAsync(HttpRequestMessage request)
    {
        using (request)
        {
            using var response = await http.SendAsync(request);
            return new Answer(response.StatusCode, response.Headers.Location, await response.Content.ReadAsStringAsync());
        }
    }

    private IntegrationId Add(string name, AuthMode mode, IntegrationOAuth? oauth, ImmutableDictionary<string, string>? schema = null)
    {
        var id = Ids.Named<IntegrationId>(name);
        integrations[id] = new Integration
        {
            Id = id, Name = name, Url = "https://mcp.example.test/mcp", AuthMode = mode, OAuth = oauth, Category = IntegrationCategory.InternalMcpCredentials,
            CredentialSchema = schema ?? ImmutableDictionary<string, string>.Empty, CreatedAt = ConnectionWorld.Noon, UpdatedAt = ConnectionWorld.Noon,
        };
        return id;
    }

    public sealed record Answer(HttpStatusCode Status, Uri? Location, string Text)
    {
        /// <summary>The provider it leads to.</summary>
        public Uri Provider => Text.StartsWith("onward to ", StringComparison.Ordinal) ? new Uri(Text[(Text.LastIndexOf(' ') + 1)..]) : throw new InvalidOperationException(Text);
    }

    /// <summary>Pages as one line per fact.</summary>
    private sealed class TextPages : IConnectPages
    {
        public IResult Connect(HttpContext context, ConnectView view, int statusCode) => Results.Text(
            string.Join('\n', [
                .. view.Cards.Select(card => $"{card.Name} {card.Kind} {card.Status} {card.StatusReason}"),
                $"notice {view.Outcome.Notice}", $"error {view.Outcome.Error}", $"return {view.ReturnUrl}",
            ]), statusCode: statusCode);

        public IResult Onward(HttpContext context, string integrationName, Uri target) => Results.Text($"onward to {integrationName} {target.AbsoluteUri}");

        public IResult Done(HttpContext context, string integrationName, string? account, string? next, string? returnUrl, string? notice) =>
            Results.Text($"done {integrationName} as {account} next {next} return {returnUrl} {notice}");

        public IResult Failed(HttpContext context, Failure failure, string integrationName, string? back, string? returnUrl) =>
            Results.Text($"failed {integrationName} {failure.Message} back {back} return {returnUrl}", statusCode: StatusOf(failure));

        public IResult SignedOut(HttpContext context, string? integrationName, string returnTo) => Results.Text($"signed out of {integrationName} sign in for {returnTo}", statusCode: 401);

        public IResult SignIn(HttpContext context, string returnTo) => Results.Text($"sign in for {returnTo}");

        public IResult Error(HttpContext context, Failure failure) => Results.Text(failure.Message, statusCode: StatusOf(failure));

        private static int StatusOf(Failure failure) => failure.Code switch
        {
            FailureCode.NotFound => 404,
            FailureCode.Forbidden => 403,
            FailureCode.InvalidToken => 401,
            _ => 400,
        };
    }

    ValueTask<Integration?> IIntegrationStore.CurrentAsync(OrgId org, IntegrationId integration, CancellationToken cancellationToken) => new(integrations.GetValueOrDefault(integration));

    ValueTask<Integration?> IIntegrationStore.CurrentByNameAsync(OrgId org, string name, CancellationToken cancellationToken) => throw new NotSupportedException();

    ValueTask<IReadOnlyList<Integration>> IIntegrationStore.CurrentDefaultsAsync(OrgId org, CancellationToken cancellationToken) => new([]);

    Task<Versioned<Integration>?> IIntegrationStore.FindAsync(OrgId org, IntegrationId integration, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<bool> IIntegrationStore.InsertAsync(OrgId org, Integration integration, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Result<Versioned<Integration>>> IIntegrationStore.ReplaceAsync(OrgId org, Versioned<Integration> current, Integration next, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Page<Integration>> IIntegrationStore.ListAsync(OrgId org, string? cursor, int limit, CancellationToken cancellationToken) => throw new NotSupportedException();

    ValueTask<(OrgId Org, AppId Application)?> IApplicationStore.ResolveClientAsync(string clientId, CancellationToken cancellationToken) => throw new NotSupportedException();

    ValueTask<Application?> IApplicationStore.CurrentAsync(OrgId org, AppId id, CancellationToken cancellationToken) => new(id == application.Id ? application : null);

    Task<Versioned<Application>?> IApplicationStore.FindAsync(OrgId org, AppId id, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<bool> IApplicationStore.InsertAsync(OrgId org, Application value, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Versioned<Application>?> IApplicationStore.ReplaceAsync(OrgId org, Versioned<Application> current, Application next, CancellationToken cancellationToken) => throw new NotSupportedException();

    Task<Page<Application>> IApplicationStore.ListAsync(OrgId org, string? cursor, int limit, CancellationToken cancellationToken) => throw new NotSupportedException();
}
