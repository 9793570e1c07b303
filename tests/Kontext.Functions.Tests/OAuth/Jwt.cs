using System.Buffers.Text;
using System.Text.Json.Nodes;

namespace Kontext.Functions.Tests.OAuth;

/// <summary>Looks into tokens.</summary>
internal static class Jwt
{
    public static JsonNode Header(string token) => Part(token, 0);

    public static JsonNode Payload(string token) => Part(token, 1);

    private static JsonNode Part(string token, int index) => JsonNode.Parse(Base64Url.DecodeFromChars(token.Split('.')[index]))!;
}

/// <summary>Registers clients.</summary>
internal static class Clients
{
    /// <summary>A public client that registers itself; gives its client id.</summary>
    public static async Task<string> RegisterAsync(KontextFixture kontext, string name)
    {
        var answer = await Kontext.Testing.TestAgent.CallAsync(kontext.Server.Url, HttpMethod.Post, "/oauth2/register", null, new JsonObject
        {
            ["client_name"] = name,
            ["redirect_uris"] = new JsonArray(Kontext.Testing.TestAgent.RedirectUri),
            ["token_endpoint_auth_method"] = "none",
            ["grant_types"] = new JsonArray("authorization_code", "refresh_token"),
        });
        Assert.Equal(System.Net.HttpStatusCode.Created, answer.Status);
        return answer["client_id"]!;
    }
}
