using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;

namespace Kontext.Testing.KeyVaultApi;

/// <summary>One vault of the stand-in.</summary>
internal sealed partial class StandInVault(string host)
{
    private const int MaxPage = 25;
    private const int MaxValue = 25_600;
    private static readonly DateTimeOffset DeletedAt = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    private readonly Lock gate = new();
    private readonly Dictionary<string, StandInSecret> secrets = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>When a secret that was deleted is gone by itself.</summary>
    public static DateTimeOffset PurgedAt => DeletedAt.AddDays(90);

    /// <summary>Nobody can purge before the retention is over.</summary>
    public bool PurgeProtection { get; set; }

    /// <summary>How many looks it takes until a deletion or a recovery has come into effect.</summary>
    public int Slowness { get; set; } = 1;

    /// <summary>How many versions a page of a list has.</summary>
    public int PageSize { get; set; } = MaxPage;

    /// <summary>The secrets there are, deleted ones too, by name.</summary>
    public IReadOnlyDictionary<string, StandInSecret> Secrets
    {
        get
        {
            lock (gate)
                return secrets.ToDictionary();
        }
    }

    /// <summary>Deletes a secret, as an operator can, and has that come into effect at once.</summary>
    public void Delete(string name)
    {
        lock (gate)
            (secrets[name].State, secrets[name].Pending) = (StandInState.Deleted, 0);
    }

    /// <summary>Recovers a secret, as an operator can, and has that come into effect at once.</summary>
    public void Recover(string name)
    {
        lock (gate)
            (secrets[name].State, secrets[name].Pending) = (StandInState.Active, 0);
    }

    /// <summary>Answers a request that carries a token.</summary>
    public StandInAnswer Answer(string method, string[] path, IQueryCollection query, JsonObject body)
    {
        lock (gate)
        {
            return (method, path) switch
            {
                ("PUT", ["secrets", var name]) => Set(name, body),
                ("GET", ["secrets", var name, "versions"]) => List(name, query),
                ("GET", ["secrets", var name]) => Get(name, null),
                ("GET", ["secrets", var name, var version]) => Get(name, version),
                ("PATCH", ["secrets", var name, var version]) => Update(name, version, body),
                ("DELETE", ["secrets", var name]) => Delete(name, Slowness),
                ("GET", ["deletedsecrets", var name]) => GetDeleted(name),
                ("POST", ["deletedsecrets", var name, "recover"]) => Recover(name, Slowness),
                ("DELETE", ["deletedsecrets", var name]) => Purge(name),
                _ => StandInAnswer.Refusal(404, "NotFound", "The resource was not found."),
            };
        }
    }

    private StandInAnswer Set(string name, JsonObject body)
    {
        if (!SecretName().IsMatch(name))
            return StandInAnswer.Refusal(400, "BadParameter", $"The request URI contains an invalid name: {name}");
        if ((string?)body["value"] is not { } value)
            return StandInAnswer.Refusal(400, "BadParameter", "Property value is missing.");
        var tags = body["tags"]?.AsObject().ToDictionary(tag => tag.Key, tag => (string)tag.Value!) ?? [];
        if (value.Length > MaxValue || tags.Count > 15 || tags.Any(tag => tag.Key.Length > 256 || tag.Value.Length > 256))
            return StandInAnswer.Refusal(400, "BadParameter", "The value or the tags are too long.");
        if (!secrets.TryGetValue(name, out var secret))
            secrets[name] = secret = new StandInSecret();
        Look(secret);
        if (secret.State == StandInState.Deleted)
        {
            return secret.Pending > 0
                ? StandInAnswer.Refusal(409, "Conflict", $"Secret {name} is currently being deleted and cannot be re-created; retry later.", "ObjectIsBeingDeleted")
                : StandInAnswer.Refusal(409, "Conflict", $"Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the secret can only be recovered or purged.", "ObjectIsDeletedButRecoverable");
        }
        if (secret.State == StandInState.Recovering)
            return StandInAnswer.Refusal(409, "Conflict", $"Secret {name} is currently being recovered and cannot be re-created; retry later.", "ObjectIsBeingRecovered");
        var made = new StandInVersion(Guid.NewGuid().ToString("N"), value) { ContentType = (string?)body["contentType"], Tags = tags };
        secret.Versions.Add(made);
        return Bundle(name, made, withValue: true);
    }

    private StandInAnswer Get(string name, string? version)
    {
        if (Active(name) is not { } secret || secret.Versions.FindLast(candidate => version is null || candidate.Id == version) is not { } found)
            return NotFound(name);
        return found.Enabled
            ? Bundle(name, found, withValue: true)
            : StandInAnswer.Refusal(403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled");
    }

    private StandInAnswer Update(string name, string version, JsonObject body)
    {
        if (Active(name)?.Versions.Find(candidate => candidate.Id == version) is not { } found)
            return NotFound(name);
        found.Enabled = (bool?)body["attributes"]?["enabled"] ?? found.Enabled;
        return Bundle(name, found, withValue: false);
    }

    private StandInAnswer List(string name, IQueryCollection query)
    {
        var versions = Active(name)?.Versions ?? [];
        var skip = query.TryGetValue("$skiptoken", out var token) ? int.Parse(token!, CultureInfo.InvariantCulture) : 0;
        return StandInAnswer.Of(200, new JsonObject
        {
            ["value"] = new JsonArray([.. versions.Skip(skip).Take(PageSize).Select(version => version.ToJson(host, name, RecoveryLevel, withValue: false))]),
            ["nextLink"] = skip + PageSize < versions.Count ? $"https://{host}/secrets/{name}/versions?api-version={query["api-version"]}&$skiptoken={skip + PageSize}&maxresults={PageSize}" : null,
        });
    }

    private StandInAnswer Delete(string name, int slowness)
    {
        if (Active(name) is not { } secret)
            return NotFound(name);
        (secret.State, secret.Pending) = (StandInState.Deleted, slowness);
        return Deleted(name, secret);
    }

    private StandInAnswer GetDeleted(string name)
    {
        if (!secrets.TryGetValue(name, out var secret) || secret.State != StandInState.Deleted || Look(secret))
            return StandInAnswer.Refusal(404, "SecretNotFound", $"Deleted Secret not found: {name}");
        return Deleted(name, secret);
    }

    private StandInAnswer Recover(string name, int slowness)
    {
        if (!secrets.TryGetValue(name, out var secret) || secret.State != StandInState.Deleted || secret.Pending > 0)
            return StandInAnswer.Refusal(404, "SecretNotFound", $"Deleted Secret not found: {name}");
        (secret.State, secret.Pending) = (StandInState.Recovering, slowness);
        return Bundle(name, secret.Versions[^1], withValue: false);
    }

    private StandInAnswer Purge(string name)
    {
        if (!secrets.TryGetValue(name, out var secret) || secret.State != StandInState.Deleted)
            return StandInAnswer.Refusal(404, "SecretNotFound", $"Deleted Secret not found: {name}");
        if (PurgeProtection)
            return StandInAnswer.Refusal(403, "Forbidden", "Operation \"purge\" is not allowed because purge protection is enabled for this vault. Key Vault service will automatically purge it after the retention period has passed.", "ForbiddenByPurgeProtection");
        if (secret.Pending > 0)
            return StandInAnswer.Refusal(409, "Conflict", $"Secret {name} is currently being deleted.", "ObjectIsBeingDeleted");
        secrets.Remove(name);
        return StandInAnswer.Of(204, null);
    }

    private StandInSecret? Active(string name)
    {
        if (!secrets.TryGetValue(name, out var secret))
            return null;
        if (secret.State == StandInState.Recovering && !Look(secret))
            secret.State = StandInState.Active;
        return secret.State == StandInState.Active ? secret : null;
    }

    /// <summary>Time passes for a secret; true when its state has not come into effect yet.</summary>
    private static bool Look(StandInSecret secret)
    {
        var pending = secret.Pending > 0;
        if (pending)
            secret.Pending--;
        else if (secret.State == StandInState.Recovering)
            secret.State = StandInState.Active;
        return pending;
    }

    private StandInAnswer Bundle(string name, StandInVersion version, bool withValue) => StandInAnswer.Of(200, version.ToJson(host, name, RecoveryLevel, withValue));

    private StandInAnswer Deleted(string name, StandInSecret secret)
    {
        var bundle = secret.Versions[^1].ToJson(host, name, RecoveryLevel, withValue: false);
        bundle["recoveryId"] = $"https://{host}/deletedsecrets/{name}";
        bundle["deletedDate"] = DeletedAt.ToUnixTimeSeconds();
        bundle["scheduledPurgeDate"] = PurgedAt.ToUnixTimeSeconds();
        return StandInAnswer.Of(200, bundle);
    }

    private string RecoveryLevel => PurgeProtection ? "Recoverable" : "Recoverable+Purgeable";

    private static StandInAnswer NotFound(string name) => StandInAnswer.Refusal(
        404, "SecretNotFound", $"A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret you may be able to recover it using the correct recovery command.");

    [GeneratedRegex("^[0-9a-zA-Z-]{1,127}$", RegexOptions.CultureInvariant)]
    private static partial Regex SecretName();
}
