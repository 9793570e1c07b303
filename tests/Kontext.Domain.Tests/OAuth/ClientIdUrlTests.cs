using Kontext.Domain.OAuth;

namespace Kontext.Domain.Tests.OAuth;

public sealed class ClientIdUrlTests
{
    [Theory]
    [InlineData("https://agent.example/client.json", true)]
    [InlineData("https://agent.example:8443/a/b?version=2", true)]
    [InlineData("https://agent.example/", true)]
    [InlineData("https://agent.example", false)]
    [InlineData("https://agent.example?x=/", false)]
    [InlineData("http://agent.example/client.json", false)]
    [InlineData("HTTPS://agent.example/client.json", false)]
    [InlineData("https://agent.example/a/../client.json", false)]
    [InlineData("https://agent.example/./client.json", false)]
    [InlineData("https://agent.example/a/%2e%2E/client.json", false)]
    [InlineData("https://agent.example/a/.%2e/client.json", false)]
    [InlineData("https://agent.example/..", false)]
    [InlineData("https://agent.example/client.json#key", false)]
    [InlineData("https://agent.example/client.json#", false)]
    [InlineData("https://user@agent.example/client.json", false)]
    [InlineData("https://user:secret@agent.example/client.json", false)]
    [InlineData("https://@agent.example/client.json", false)]
    [InlineData("https:///client.json", false)]
    [InlineData("https://agent.example\\@evil.example/client.json", false)]
    [InlineData("https://agent.example/cli ent.json", false)]
    [InlineData("https://agent.example/client\n.json", false)]
    [InlineData("app_a4fb6d20-e937-450f-aa19-db585405aa92", false)]
    public void Only_plain_https_addresses_with_a_path_name_a_client(string clientId, bool expected) =>
        Assert.Equal(expected, ClientIdUrl.IsValid(clientId));
}
