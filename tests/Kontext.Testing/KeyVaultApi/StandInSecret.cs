using System.Text.Json.Nodes;

namespace Kontext.Testing.KeyVaultApi;

/// <summary>Where a secret is between living and gone.</summary>
internal enum StandInState
{
    /// <summary>It is there.</summary>
    Active,

    /// <summary>It was deleted, and its name is not to be had.</summary>
    Deleted,

    /// <summary>It was recovered and is not there yet.</summary>
    Recovering,
}

/// <summary>A secret of the stand-in with its versions, the newest last.</summary>
internal sealed class StandInSecret
{
    /// <summary>Its versions.</summary>
    public List<StandInVersion> Versions { get; } = [];

    /// <summary>Where it is.</summary>
    public StandInState State { get; set; }

    /// <summary>How many more times somebody has to look before the state has come into effect.</summary>
    public int Pending { get; set; }
}

/// <summary>A version of a secret.</summary>
internal sealed class StandInVersion(string id, string value)
{
    /// <summary>32 hexadecimal digits.</summary>
    public string Id { get; } = id;

    /// <summary>The value.</summary>
    public string Value { get; } = value;

    /// <summary>Whether it is given out.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>What kind of value it is; null when nobody said.</summary>
    public string? ContentType { get; init; }

    /// <summary>Its tags.</summary>
    public Dictionary<string, string> Tags { get; init; } = [];

    /// <summary>The bundle as the service writes it.</summary>
    public JsonObject ToJson(string host, string name, string recoveryLevel, bool withValue, bool withVersion = true)
    {
        var bundle = new JsonObject
        {
            ["id"] = $"https://{host}/secrets/{name}{(withVersion ? "/" + Id : "")}",
            ["attributes"] = new JsonObject { ["enabled"] = Enabled, ["created"] = 1764000000, ["updated"] = 1764000000, ["recoveryLevel"] = recoveryLevel, ["recoverableDays"] = 90 },
            ["tags"] = new JsonObject(Tags.Select(tag => KeyValuePair.Create(tag.Key, (JsonNode?)tag.Value))),
        };
        if (withValue)
            bundle["value"] = Value;
        if (ContentType is not null)
            bundle["contentType"] = ContentType;
        return bundle;
    }
}
