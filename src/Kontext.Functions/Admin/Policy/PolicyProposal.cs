using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kontext.Domain;
using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Policy;

/// <summary>A set of rules that somebody thinks of having.</summary>
internal static class PolicyProposal
{
    /// <summary>Holds it against the decisions of the last hours.</summary>
    public static Task<Result<PolicyReplayBody>> ReplayAsync(AdminVisit visit, JsonArray rules, int hours, string? cursor)
    {
        var body = new JsonObject { ["rules"] = rules, ["limit"] = 50 };
        if (cursor is null)
            body["hours"] = hours;
        else
            body["cursor"] = cursor;
        return visit.SendAsync(HttpMethods.Post, "/policy/replay", Encoding.UTF8.GetBytes(body.ToJsonString()), ApiJson.Default.PolicyReplayBody);
    }

    /// <summary>The document of a text; a bare list of rules counts as one.</summary>
    public static Result<JsonObject> Read(string? text)
    {
        try
        {
            return JsonText.ParseNode(Encoding.UTF8.GetBytes(text ?? "")) switch
            {
                JsonObject document when document["rules"] is JsonArray => document,
                JsonArray rules => new JsonObject { ["schemaVersion"] = 1, ["rules"] = rules },
                _ => Invalid,
            };
        }
        catch (JsonException)
        {
            return Invalid;
        }
    }

    private static Failure Invalid => Api.Api.Invalid(new Dictionary<string, string> { ["document"] = "Has to be the JSON of an export, or a list of rules." });
}
