using System.Net;
using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Testing;
using Kontext.Testing.Connections;

namespace Kontext.Functions.Tests.Connect;

/// <summary>The connect pages through HTTP, with the provider simulator at the other end.</summary>
public sealed class ConnectPagesTests(ConnectPagesTests.Simulator simulator) : IClassFixture<ConnectPagesTests.Simulator>, IAsyncLifetime
{
    private ConnectApp app = null!;

    public sealed class Simulator : IAsyncLifetime
    {
        public UpstreamIdp Idp { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Idp = await UpstreamIdp.StartAsync();

        public ValueTask DisposeAsync() => Idp.DisposeAsync();
    }

    public async ValueTask InitializeAsync() => app = await ConnectApp.StartAsync(simulator.Idp.Issuer);

    public ValueTask DisposeAsync() => app.DisposeAsync();

    [Fact]
    public async Task A_person_connects_sees_the_account_and_disconnects_which_the_provider_learns()
    {
        var handle = await app.LinkAsync();
        var page = await app.GetAsync($"/oauth/connect?session={handle}");
        Assert.Contains("upstream oauth disconnected", page.Text, StringComparison.Ordinal);

        var started = await app.PostAsync("/oauth/connect/start", handle, app.OAuth);
        Assert.StartsWith("onward to upstream ", started.Text, StringComparison.Ordinal);
        var back = await simulator.Idp.AuthorizeAsync(started.Provider);
        Assert.StartsWith("http://localhost:7071/oauth/callback?", back.AbsoluteUri, StringComparison.Ordinal);
        var done = await app.GetAsync(back.PathAndQuery);
        Assert.Contains($"done upstream as alice@example.test next /oauth/connect?session={handle} return https://agent.test/done", done.Text, StringComparison.Ordinal);
        Assert.Contains("upstream oauth connected", (await app.GetAsync($"/oauth/connect?session={handle}")).Text, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.BadRequest, (await app.GetAsync(back.PathAndQuery)).Status);

        var before = await RevokedAsync();
        var gone = await app.PostAsync("/oauth/connect/disconnect", handle, app.OAuth);
        Assert.Contains("upstream oauth disconnected", gone.Text, StringComparison.Ordinal);
        Assert.Contains("notice upstream is disconnected.", gone.Text, StringComparison.Ordinal);
        Assert.Equal(before + 1, await RevokedAsync());
    }

    [Fact]
    public async Task A_connection_is_refreshed_at_the_provider_before_it_ends_without_any_request()
    {
        var started = await app.PostAsync("/oauth/connect/start", await app.LinkAsync(), app.OAuth);
        await app.GetAsync((await simulator.Idp.AuthorizeAsync(started.Provider)).PathAndQuery);
        var connected = (await app.World.Connections.FindAsync(app.World.Org, app.World.User.Id, app.OAuth, default))!.Value;
        var before = await simulator.Idp.RefreshesAsync();
        await app.SweepAsync();
        Assert.Equal(before, await simulator.Idp.RefreshesAsync());

        app.World.Advance((connected.AccessExpiresAt!.Value - app.World.Time.GetUtcNow()) * 0.95);
        await Task.WhenAll(app.SweepAsync(), app.SweepAsync());

        Assert.Equal(before + 1, await simulator.Idp.RefreshesAsync());
        var refreshed = (await app.World.Connections.FindAsync(app.World.Org, app.World.User.Id, app.OAuth, default))!.Value;
        Assert.True(refreshed.AccessExpiresAt > connected.AccessExpiresAt);
    }

    [Fact]
    public async Task Nobody_signed_in_is_sent_to_sign_in_and_brought_back()
    {
        var handle = await app.LinkAsync();
        app.SignedIn = null;
        var answer = await app.GetAsync($"/oauth/connect?session={handle}");
        Assert.Equal(HttpStatusCode.SeeOther, answer.Status);
        Assert.Equal($"/login?return_to={Uri.EscapeDataString($"/oauth/connect?session={handle}")}", answer.Location!.OriginalString);
    }

    [Fact]
    public async Task A_link_passed_on_to_another_person_is_refused_on_every_address()
    {
        var handle = await app.LinkAsync();
        app.SignedIn = app.SignedIn! with { User = app.SignedIn.User with { Id = Ids.Named<UserId>("mallory") } };
        Assert.Equal(HttpStatusCode.Forbidden, (await app.GetAsync($"/oauth/connect?session={handle}")).Status);
        foreach (var form in new[] { "start", "token", "credentials", "disconnect" })
            Assert.Equal(HttpStatusCode.Forbidden, (await app.PostAsync($"/oauth/connect/{form}", handle, app.OAuth)).Status);
    }

    [Fact]
    public async Task A_form_without_our_token_or_from_another_site_is_refused()
    {
        var handle = await app.LinkAsync();
        Assert.Equal(HttpStatusCode.Forbidden, (await app.PostAsync("/oauth/connect/start", handle, app.OAuth, csrf: "guessed")).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await app.PostAsync("/oauth/connect/start", handle, app.OAuth, origin: "https://attacker.test")).Status);
        Assert.Equal(HttpStatusCode.OK, (await app.PostAsync("/oauth/connect/start", handle, app.OAuth, origin: "http://localhost:7071")).Status);
        Assert.Equal(HttpStatusCode.OK, (await app.PostAsync("/oauth/connect/start", handle, app.OAuth, origin: "null")).Status);
    }

    [Fact]
    public async Task While_services_are_left_the_page_is_led_back_to_and_then_no_more()
    {
        var handle = await app.LinkAsync();
        await app.PostAsync("/oauth/connect/token", handle, app.Keyed, more: ("token", "ghp_abc"));
        Assert.Contains($" next /oauth/connect?session={handle} return", (await ConnectAsync(handle)).Text, StringComparison.Ordinal);
        await app.PostAsync("/oauth/connect/credentials", handle, app.Fielded, ("field:apiKey", "k"), ("field:site", "s"));
        Assert.Contains(" next  return https://agent.test/done", (await ConnectAsync(handle)).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_that_connects_nothing_leads_back_to_the_page_and_to_the_agent()
    {
        var handle = await app.LinkAsync();
        var started = await app.PostAsync("/oauth/connect/start", handle, app.OAuth);
        var refusal = $"/oauth/callback?error=access_denied&state={System.Web.HttpUtility.ParseQueryString(started.Provider.Query)["state"]}&iss={Uri.EscapeDataString(simulator.Idp.Issuer)}";
        foreach (var reason in new[] { "Access was not allowed", "was used before" })
        {
            var refused = await app.GetAsync(refusal);
            Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
            Assert.StartsWith("failed upstream ", refused.Text, StringComparison.Ordinal);
            Assert.Contains(reason, refused.Text, StringComparison.Ordinal);
            Assert.EndsWith($" back /oauth/connect?session={handle} return https://agent.test/done", refused.Text, StringComparison.Ordinal);
        }
        // The link lives a quarter of an hour: after that there is no page to go back to.
        app.World.Advance(TimeSpan.FromMinutes(15));
        Assert.EndsWith(" back  return https://agent.test/done", (await app.GetAsync(refusal)).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_browser_session_does_not_learn_of_the_page_from_an_answer()
    {
        var handle = await app.LinkAsync();
        var started = await app.PostAsync("/oauth/connect/start", handle, app.OAuth);
        var back = await simulator.Idp.AuthorizeAsync(started.Provider);
        app.SignedIn = app.SignedIn! with { SessionBinding = "another browser" };
        var refused = await app.GetAsync(back.PathAndQuery);
        Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
        Assert.DoesNotContain(handle, refused.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("agent.test", refused.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_to_nobody_signed_in_leads_to_sign_in_and_stays_good_for_its_person()
    {
        var handle = await app.LinkAsync();
        var started = await app.PostAsync("/oauth/connect/start", handle, app.OAuth);
        var back = await simulator.Idp.AuthorizeAsync(started.Provider);
        var person = app.SignedIn;
        app.SignedIn = null;
        var refused = await app.GetAsync(back.PathAndQuery);
        Assert.Equal((HttpStatusCode.Unauthorized, "signed out of  sign in for /integrations"), (refused.Status, refused.Text));
        Assert.Equal("signed out of  sign in for /integrations", (await app.GetAsync("/oauth/callback?code=c&state=unknown")).Text);
        Assert.Empty(await app.World.Connections.ListAsync(app.World.Org, app.World.User.Id, default));
        app.SignedIn = person;
        Assert.StartsWith("done upstream", (await app.GetAsync(back.PathAndQuery)).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_form_of_nobody_signed_in_changes_nothing_and_leads_to_sign_in_and_back_while_the_link_is_good()
    {
        var handle = await app.LinkAsync();
        app.SignedIn = null;
        foreach (var form in new[] { "start", "token", "credentials", "disconnect" })
            Assert.Equal($"sign in for /oauth/connect?session={handle}", (await app.PostAsync($"/oauth/connect/{form}", handle, app.Keyed, more: ("token", "ghp_abc"))).Text);
        Assert.Empty(await app.World.Connections.ListAsync(app.World.Org, app.World.User.Id, default));
        app.World.Advance(TimeSpan.FromMinutes(15));
        Assert.Equal(HttpStatusCode.NotFound, (await app.PostAsync("/oauth/connect/token", handle, app.Keyed, more: ("token", "ghp_abc"))).Status);
    }

    [Fact]
    public async Task A_callback_in_another_browser_session_connects_nothing()
    {
        var started = await app.PostAsync("/oauth/connect/start", await app.LinkAsync(), app.OAuth);
        var back = await simulator.Idp.AuthorizeAsync(started.Provider);
        app.SignedIn = app.SignedIn! with { SessionBinding = "another browser" };
        Assert.Equal(HttpStatusCode.BadRequest, (await app.GetAsync(back.PathAndQuery)).Status);
        Assert.Empty(await app.World.Connections.ListAsync(app.World.Org, app.World.User.Id, default));
    }

    [Fact]
    public async Task A_token_typed_in_is_stored_trimmed_and_a_mistyped_one_is_said_to_be_so()
    {
        var handle = await app.LinkAsync();
        var wrong = await app.PostAsync("/oauth/connect/token", handle, app.Keyed, more: ("token", "two words"));
        Assert.Equal(HttpStatusCode.BadRequest, wrong.Status);
        Assert.Contains("error The token contains a space", wrong.Text, StringComparison.Ordinal);

        var stored = await app.PostAsync("/oauth/connect/token", handle, app.Keyed, more: ("token", "  ghp_abc \n"));
        Assert.Contains("keyed user_token connected", stored.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("ghp_abc", stored.Text, StringComparison.Ordinal);
        var row = (await app.World.Connections.FindAsync(app.World.Org, app.World.User.Id, app.Keyed, default))!.Value;
        Assert.Equal("ghp_abc", (await app.World.NewInstance().Grants.OpenAccessTokenAsync(app.World.Org, row, default))!.Reveal());
    }

    [Fact]
    public async Task Credential_fields_are_stored_as_the_schema_names_them()
    {
        var handle = await app.LinkAsync();
        Assert.Equal(HttpStatusCode.BadRequest, (await app.PostAsync("/oauth/connect/credentials", handle, app.Fielded, more: ("field:apiKey", "k"))).Status);
        Assert.Equal(HttpStatusCode.OK, (await app.PostAsync("/oauth/connect/credentials", handle, app.Fielded, ("field:apiKey", "k"), ("field:site", "s"), ("field:other", "x"))).Status);
        var row = (await app.World.Connections.FindAsync(app.World.Org, app.World.User.Id, app.Fielded, default))!.Value;
        Assert.Equal("""{"apiKey":"k","site":"s"}""", (await app.World.NewInstance().Grants.OpenAccessTokenAsync(app.World.Org, row, default))!.Reveal());
    }

    [Fact]
    public async Task A_link_ends_after_a_quarter_of_an_hour_and_leads_only_where_the_agent_is()
    {
        var handle = await app.LinkAsync("https://elsewhere.test/phish");
        Assert.DoesNotContain("elsewhere", (await app.GetAsync($"/oauth/connect?session={handle}")).Text, StringComparison.Ordinal);
        app.World.Advance(TimeSpan.FromMinutes(15));
        Assert.Equal(HttpStatusCode.NotFound, (await app.GetAsync($"/oauth/connect?session={handle}")).Status);
    }

    [Fact]
    public async Task A_service_the_agent_is_not_attached_to_cannot_be_connected_through_its_link()
    {
        var handle = await app.LinkAsync();
        Assert.Equal(HttpStatusCode.NotFound, (await app.PostAsync("/oauth/connect/start", handle, app.Unattached)).Status);
    }

    private async Task<ConnectApp.Answer> ConnectAsync(string handle)
    {
        var started = await app.PostAsync("/oauth/connect/start", handle, app.OAuth);
        return await app.GetAsync((await simulator.Idp.AuthorizeAsync(started.Provider)).PathAndQuery);
    }

    private async Task<int> RevokedAsync() => (await simulator.Idp.StateAsync())["counters"]!["revoke"]?.GetValue<int>() ?? 0;
}
