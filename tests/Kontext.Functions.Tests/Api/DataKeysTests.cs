using System.Net;
using Kontext.Testing;

namespace Kontext.Functions.Tests.Api;

/// <summary>Rotation of the organization's data key by its administrators.</summary>
public sealed class DataKeysTests(KontextFixture kontext) : IClassFixture<KontextFixture>
{
    [Fact]
    public async Task An_administrator_rotates_the_key_and_everybodys_tokens_go_on()
    {
        using var browser = new FormBrowser();
        var tokens = await kontext.Agent.AuthorizeAsync(browser, TestAgent.CommandLineClient, "alice");
        var before = await kontext.Agent.ApiAsync(HttpMethod.Get, "/data-key", kontext.OwnerToken);
        var rotated = await kontext.Agent.ApiAsync(HttpMethod.Post, "/data-key/rotate", kontext.OwnerToken);
        Assert.Equal(HttpStatusCode.OK, rotated.Status);
        Assert.NotEqual(before["version"], rotated["version"]);
        Assert.True((bool)rotated.Json!["resealing"]!);
        Assert.NotNull((string?)rotated.Json["rotatedAt"]);
        Assert.Equal(HttpStatusCode.OK, (await kontext.Agent.TokenAsync(new() { ["grant_type"] = "refresh_token", ["client_id"] = TestAgent.CommandLineClient, ["refresh_token"] = tokens["refresh_token"]! })).Status);
        Assert.Equal(HttpStatusCode.OK, (await kontext.Agent.ApiAsync(HttpMethod.Get, "/integrations", await kontext.Agent.ManagementTokenAsync(KontextFixture.Owner))).Status);
        var changes = await kontext.ChangesAsync();
        Assert.Contains($"data_key.rotated {rotated["version"]}", changes);
        Assert.Contains(changes, change => change!.StartsWith("data_key.rotated", StringComparison.Ordinal) && change.EndsWith(", the issuer's own", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Others_neither_see_nor_rotate_it()
    {
        var token = await kontext.Agent.ManagementTokenAsync("mallory");
        Assert.Equal(HttpStatusCode.Forbidden, (await kontext.Agent.ApiAsync(HttpMethod.Get, "/data-key", token)).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await kontext.Agent.ApiAsync(HttpMethod.Post, "/data-key/rotate", token)).Status);
    }
}
