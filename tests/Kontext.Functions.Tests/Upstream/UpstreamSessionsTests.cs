using Kontext.Domain;
using Kontext.Domain.Gateway;
using Kontext.Domain.Integrations;
using Kontext.Functions.Tests.Mcp;
using Kontext.Functions.Upstream;
using Microsoft.AspNetCore.Http;

namespace Kontext.Functions.Tests.Upstream;

/// <summary>Whose the sessions at older servers are, and what they cost the others.</summary>
public sealed class UpstreamSessionsTests
{
    private const int Streams = 300;
    private static readonly Secret Token = new("upstream-secret-1");
    private static readonly McpParty Alice = new(Ids.Named<OrgId>("org"), Ids.Named<UserId>("alice"));

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Neither_people_nor_organizations_share_a_session_whatever_credential_they_have_in_common()
    {
        await using var server = await McpServerDouble.StartAsync(modern: false);
        var upstream = new HttpMcpUpstream(GuardedHttp.Create(allowPrivateAddresses: true), GuardedHttp.Create(allowPrivateAddresses: true), new UpstreamEras(TimeProvider.System), UpstreamLimits.Ordinary);
        var integration = GatewayApp.Connect(new GatewayPorts(), "github", server.Url);
        var another = integration with { Id = Ids.Named<IntegrationId>("another") };

        await ListAsync(upstream, integration, Alice);
        await ListAsync(upstream, integration, Alice with { User = Ids.Named<UserId>("bob") });
        await ListAsync(upstream, another, Alice);
        await ListAsync(upstream, integration, Alice with { Org = Ids.Named<OrgId>("other") });
        await ListAsync(upstream, integration, Alice);

        var sessions = server.SeenOf("tools/list").Select(request => request.Headers["Mcp-Session-Id"]).ToList();
        Assert.Equal(4, sessions[..4].Distinct().Count());
        Assert.Equal(sessions[0], sessions[4]);
    }

    [Fact]
    public async Task Many_open_streams_keep_no_call_from_the_same_server()
    {
        await using var server = await McpServerDouble.StartAsync(modern: false);
        var (open, all) = (0, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        server.Fault = async (context, _) =>
        {
            if (!HttpMethods.IsGet(context.Request.Method))
                return false;
            context.Response.ContentType = "text/event-stream";
            await context.Response.Body.FlushAsync();
            if (Interlocked.Increment(ref open) == Streams)
                all.SetResult();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            return true;
        };
        using var http = new UpstreamHttp(
            new KontextSettings { PublicUrl = new Uri("http://localhost:7071"), Storage = "memory", KeyDirectory = "/unused", Organization = "dev", Development = false, AllowPrivateUpstreams = true }, TimeProvider.System);
        var upstream = new HttpMcpUpstream(http.Client, http.Streams, new UpstreamEras(TimeProvider.System), UpstreamLimits.Ordinary);
        var integration = GatewayApp.Connect(new GatewayPorts(), "github", server.Url);

        var listening = await Task.WhenAll(Enumerable.Range(0, Streams).Select(number => upstream.ListenAsync(integration, Token, Alice, SessionOf($"listener {number}"), Cancelled)));
        await ListAsync(upstream, integration, Alice, SessionOf("caller"));
        await all.Task.WaitAsync(Cancelled);
        await ListAsync(upstream, integration, Alice, SessionOf("caller"));

        Assert.Equal(Streams, listening.Count(stream => stream.TryGet(out _, out _)));
        Assert.Equal(2, server.SeenOf("tools/list").Count());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_probe_that_breaks_is_made_anew_also_when_nobody_waited_for_it(bool gone)
    {
        var eras = new UpstreamEras(TimeProvider.System);
        var integration = GatewayApp.Connect(new GatewayPorts(), "github", new Uri("http://127.0.0.1:9/mcp"));
        var probe = new TaskCompletionSource<Result<UpstreamEra>>();
        using var client = new CancellationTokenSource();

        var first = eras.OfAsync(integration, Token, Alice, session: null, _ => probe.Task, client.Token);
        if (gone)
            await client.CancelAsync();
        else
            probe.SetException(new InvalidOperationException("It broke."));
        await Assert.ThrowsAnyAsync<Exception>(() => first);
        if (gone)
            probe.SetResult(new Failure(FailureCode.Unavailable, "It failed."));
        var second = await eras.OfAsync(integration, Token, Alice, session: null, _ => Task.FromResult<Result<UpstreamEra>>(new UpstreamEra(Modern: true, "2026-07-28", SessionId: null, new McpServerDescription(false, false, false, null))), Cancelled);

        Assert.True(second.TryGet(out var era, out _));
        Assert.True(era.Modern);
    }

    private static McpClientSession SessionOf(string name) => new(name, """{"roots":{}}"""u8.ToArray());

    private static async Task ListAsync(HttpMcpUpstream upstream, Integration integration, McpParty party, McpClientSession? session = null)
    {
        var sent = await upstream.SendAsync(integration, Token, new McpRequest { Method = "tools/list", Party = party, Session = session }, Cancelled);
        Assert.True(sent.TryGet(out var answer, out var failure), failure?.Message);
        await using var answered = answer;
        Assert.True((await answered.NextAsync(Cancelled)).TryGet(out var part, out failure), failure?.Message);
        Assert.Equal(AnswerPartKind.Result, part.Kind);
    }
}
