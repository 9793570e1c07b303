using Kontext.Domain.Audit;
using Kontext.Domain.Policies;
using Kontext.Domain.Revocations;
using Kontext.Domain.Vault;
using Kontext.Functions;
using Kontext.Functions.Account;
using Kontext.Functions.Admin;
using Kontext.Functions.Api;
using Kontext.Functions.Commands;
using Kontext.Functions.Connect;
using Kontext.Functions.Health;
using Kontext.Functions.Local;
using Kontext.Functions.Mcp;
using Kontext.Functions.OAuth;
using Kontext.Functions.Observability;
using Kontext.Functions.OpenApi;
using Kontext.Functions.Organizations;
using Kontext.Functions.Pages;
using Kontext.Functions.Partner;
using Kontext.Functions.Proxy;
using Kontext.Functions.Retention;
using Kontext.Functions.SignIn;
using Kontext.Functions.Storage;
using Kontext.Functions.Triggers;
using Kontext.Functions.Webhooks;
using Kontext.Functions.Work;

if (await CommandLine.HandlesAsync(args)) return;
var builder = WebApplication.CreateSlimBuilder(args);
var settings = KontextSettings.Read(builder.Configuration, builder.Environment.IsDevelopment());
Listening.Configure(builder, settings);
// One line per refused request is ours; the framework's own lines per request would only repeat it.
builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning).AddFilter("Microsoft.Hosting", LogLevel.Information);
builder.AddKontextObservability(settings);
builder.Services
    .AddSingleton(settings)
    .AddSingleton(TimeProvider.System)
    .AddSingleton<CredentialBroker>()
    .AddSingleton(new ApprovalAddresses(settings.Issuer))
    .AddSingleton<Approvals>()
    .AddSingleton<ApprovalDecisions>()
    .AddSingleton<OrganizationSeed>()
    .AddSingleton<Readiness>()
    .AddKontextStorage(settings)
    .AddKontextAudit()
    .AddKontextVault(settings)
    .AddKontextOAuth(settings)
    .AddKontextConnections(settings)
    .AddKontextWork(settings)
    .AddKontextWebhooks(settings)
    .AddSingleton<IConnectPages, ConnectPages>()
    .AddSingleton<PageNotices>()
    .AddSingleton<SignedInPages>()
    .AddSingleton<LateActions>()
    .AddSingleton<SessionsView>()
    .AddSingleton<IntegrationsView>()
    .AddSingleton<IntegrationsEndpoints>()
    .AddSingleton<CallbackEndpoints>()
    .AddSingleton<McpServersEndpoints>()
    .AddSingleton<RulesEndpoints>()
    .AddKontextGateway()
    .AddKontextProxy()
    .AddKontextApi()
    .AddSingleton<OpenApiDocument>()
    .AddKontextPartners()
    .AddKontextOrganizations()
    .AddKontextPages()
    .AddKontextAdministration()
    .AddPublicCors()
    .AddSingleton<IAuditSigner, AuditSigner>()
    .AddSingleton<AuditSeal>()
    .AddSingleton<ITimerTrigger, AuditSealTimer>()
    .AddSingleton<ITimerTrigger, TraceRollupTimer>()
    .AddSingleton<ITimerTrigger, RefreshSweepTimer>()
    .AddSingleton<ITimerTrigger, RefreshBackfillTimer>()
    .AddSingleton<ITimerTrigger, ValidationSweepTimer>()
    .AddSingleton<CredentialEndSweep>()
    .AddSingleton<ITimerTrigger, SigningKeysTimer>()
    .AddSingleton<DataKeyRotation>()
    .AddSingleton<ResealSweep>()
    .AddSingleton<ITimerTrigger, DataKeysTimer>()
    .AddSingleton<ITimerTrigger, WebhookSweepTimer>()
    .AddKontextRetention(settings)
    .AddHostedService<LocalScheduler>()
    .Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);

var app = builder.Build();
foreach (var name in settings.Unknown)
    Log.UnknownSetting(app.Logger, name);
app.UseKontextObservability();
app.UseRouting();
app.UseCors();
app.UseMiddleware<SurfaceMiddleware>();

HomeEndpoint.Map(app);
HealthEndpoint.Map(app);
AssetEndpoints.Map(app);
SignInEndpoints.Map(app, settings);
MetadataEndpoints.Map(app);
OAuthEndpoints.Map(app);
DevicePages.Map(app);
SessionsEndpoints.Map(app);
ApprovalsEndpoints.Map(app);
RulesEndpoints.Map(app);
IntegrationsEndpoints.Map(app);
McpServersEndpoints.Map(app);
ConnectEndpoints.Map(app, settings, app.Services.GetRequiredService<BrowserSessions>().CurrentAsync);
McpEndpoints.Map(app, settings, app.Services.GetRequiredService<BearerAuthentication>().GatewayAsync, app.Services.GetRequiredService<BearerAuthentication>().StillAsync);
ProxyEndpoints.Map(app, settings, app.Services.GetRequiredService<BearerAuthentication>().ProxyAsync);
ApiEndpoints.Map(app);
AdminEndpoints.Map(app);
OpenApiEndpoints.Map(app);
PartnerEndpoints.Map(app);
OrganizationIntegrationsApi.Map(app);
TriggerEndpoints.Map(app, settings);

await app.Services.GetRequiredService<OrganizationSeed>().RunAsync(CancellationToken.None);
await app.RunAsync();
