using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kontext.Functions.Tests;

public sealed class ListeningTests
{
    [Fact]
    public async Task Under_the_host_the_program_listens_at_the_handler_port_whatever_address_it_inherits()
    {
        await using var app = await StartAsync(Settings(handlerPort: 0), "--urls", "http://localhost:1");
        var address = new Uri(Assert.Single(app.Urls));
        Assert.Equal("127.0.0.1", address.Host);
        Assert.NotEqual(1, address.Port);
    }

    [Fact]
    public async Task Alone_a_given_address_counts()
    {
        await using var app = await StartAsync(Settings(), "--urls", "http://127.0.0.1:0");
        Assert.StartsWith("http://127.0.0.1:", Assert.Single(app.Urls), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Alone_in_development_the_port_of_the_public_address_is_the_default()
    {
        var port = FreePort();
        await using var app = await StartAsync(Settings() with { PublicUrl = new Uri($"http://localhost:{port}") });
        Assert.Equal($"http://localhost:{port}", Assert.Single(app.Urls));
    }

    [Theory]
    [InlineData(Listening.MaxRequestBytes, HttpStatusCode.OK)]
    [InlineData(Listening.MaxRequestBytes + 1, HttpStatusCode.RequestEntityTooLarge)]
    public async Task Bodies_above_the_limit_are_refused(long length, HttpStatusCode expected)
    {
        await using var app = await StartAsync(Settings(handlerPort: 0));
        using var client = new HttpClient();
        using var content = new ByteArrayContent(new byte[length]);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(app.Urls.Single())) { Content = content };
        request.Headers.ExpectContinue = true;
        using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(expected, response.StatusCode);
        Assert.False(response.Headers.Contains("Server"));
    }

    private static async Task<WebApplication> StartAsync(KontextSettings settings, params string[] arguments)
    {
        var builder = WebApplication.CreateSlimBuilder(arguments);
        builder.Logging.ClearProviders();
        Listening.Configure(builder, settings);
        var app = builder.Build();
        app.Run(async context =>
        {
            await context.Request.Body.CopyToAsync(Stream.Null, context.RequestAborted);
            await context.Response.WriteAsync("read", context.RequestAborted);
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }

    private static KontextSettings Settings(int? handlerPort = null) => new()
    {
        PublicUrl = new Uri("http://localhost:7071"),
        Storage = "memory",
        KeyDirectory = "keys",
        Organization = "dev",
        Development = true,
        AllowPrivateUpstreams = true,
        HandlerPort = handlerPort,
    };

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
