using Kontext.Functions;

var builder = WebApplication.CreateSlimBuilder(args);
var settings = KontextSettings.Read(builder.Configuration, builder.Environment.IsDevelopment());
builder.Services.AddSingleton(settings);
var app = builder.Build();
app.UseRouting();
app.UseMiddleware<SurfaceMiddleware>();
await app.RunAsync();
