using Kontext.Functions;
using Kontext.Functions.Triggers;

var builder = WebApplication.CreateSlimBuilder(args);
var settings = KontextSettings.Read(builder.Configuration, builder.Environment.IsDevelopment());
Listening.Configure(builder, settings);
builder.Services.AddSingleton(settings);
builder.Services.AddSingleton(TimeProvider.System);
builder.Services.AddHostedService<LocalScheduler>();
var app = builder.Build();
app.UseRouting();
app.UseMiddleware<SurfaceMiddleware>();
HealthEndpoint.Map(app);
TriggerEndpoints.Map(app, settings);
await app.RunAsync();
