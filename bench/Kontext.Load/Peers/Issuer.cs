namespace Kontext.Load.Peers;

/// <summary>oidc-provider as an issuer of ES256 access tokens (<c>bench/peers/issuer.mjs</c>).</summary>
public static class Issuer
{
    /// <summary>Starts it.</summary>
    public static Task<NodePeer> StartAsync() => NodePeer.StartAsync("issuer.mjs");

    /// <summary>Token exchange with it.</summary>
    public static Side Exchange(NodePeer peer)
    {
        var parts = peer.FirstLine.Split(' ');
        return SideOf("oidc-provider, token exchange", peer, new Dictionary<string, string>
        {
            ["grant_type"] = "urn:ietf:params:oauth:grant-type:token-exchange",
            ["subject_token"] = parts[1],
            ["subject_token_type"] = "urn:ietf:params:oauth:token-type:access_token",
        });
    }

    /// <summary>Client credentials with it.</summary>
    public static Side ClientCredentials(NodePeer peer) => SideOf("oidc-provider, client credentials", peer, new Dictionary<string, string> { ["grant_type"] = "client_credentials" });

    private static Side SideOf(string name, NodePeer peer, Dictionary<string, string> form)
    {
        var endpoint = new Uri(peer.FirstLine.Split(' ')[0] + "/token");
        form["client_id"] = "bench";
        form["client_secret"] = "bench";
        return Side.Of(name, _ => Requests.Form(endpoint, form, "bench:bench"), peer.ProcessId);
    }
}
