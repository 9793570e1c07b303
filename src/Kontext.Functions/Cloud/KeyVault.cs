using System.Net;
using System.Text.Json;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Identity;
using Azure.Security.KeyVault.Secrets;
using Kontext.Domain;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Cloud;

/// <summary>One key vault, through the SDK's client: what goes wrong is told as <see cref="StorageUnavailableException"/>, as it is for the tables.</summary>
internal sealed class KeyVault
{
    /// <summary>The service's limit for a secret's value.</summary>
    public const int MaxBytes = 25_000;

    // A call has an answer after this time, or it has failed: callers are waiting, and so are leases.
    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PurgeLimit = TimeSpan.FromSeconds(8);
    private const int Retries = 3;
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan LongestRetryDelay = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(500);

    private readonly SecretClient client;

    /// <summary>A client of the vault at an address; <paramref name="transport"/> is null but in tests.</summary>
    public KeyVault(Uri address, TokenCredential credential, HttpPipelineTransport? transport)
    {
        Name = KeyVaultSettings.NameOf(address);
        var options = new SecretClientOptions { RetryPolicy = new BoundedRetry(Retries, RetryDelay, LongestRetryDelay) };
        if (transport is not null)
            options.Transport = transport;
        options.Diagnostics.IsLoggingEnabled = false;
        options.Diagnostics.IsDistributedTracingEnabled = false;
        options.Diagnostics.IsTelemetryEnabled = false;
        client = new SecretClient(address, credential, options);
    }

    /// <summary>By which rows refer to it.</summary>
    public string Name { get; }

    /// <summary>Writes a new version and gives its id. A secret of this name that was deleted and can be recovered is recovered first: the service takes no new version otherwise.</summary>
    public async Task<string> SetAsync(string secret, Secret value, IReadOnlyDictionary<string, string> tags, CancellationToken cancellationToken)
    {
        var content = new KeyVaultSecret(secret, value.Reveal());
        foreach (var (tag, text) in tags)
            content.Properties.Tags[tag] = text;
        return await CallAsync(async token =>
        {
            while (true)
            {
                try
                {
                    return (await client.SetSecretAsync(content, token)).Value.Properties.Version;
                }
                catch (RequestFailedException conflict) when (conflict.Status == (int)HttpStatusCode.Conflict)
                {
                    // Deleted, being deleted or being recovered; only in the first state there is something to do.
                    if (await FindDeletedAsync(secret, token) is not null)
                        await RecoverAsync(secret, token);
                    await Task.Delay(Poll, token);
                }
            }
        }, cancellationToken);
    }

    /// <summary>One version's value; null when it is not there, was deleted or is disabled.</summary>
    public Task<Secret?> GetAsync(string secret, string version, CancellationToken cancellationToken) => CallAsync(async token =>
    {
        try
        {
            return new Secret((await client.GetSecretAsync(secret, version, token)).Value.Value);
        }
        catch (RequestFailedException refused) when (refused.Status == (int)HttpStatusCode.NotFound || InnerCodeOf(refused) == "SecretDisabled")
        {
            return null;
        }
    }, cancellationToken);

    /// <summary>Completes when the vault lets us read, which a secret that is not there shows as well.</summary>
    public Task ProbeAsync(CancellationToken cancellationToken) => CallAsync(async token =>
    {
        try
        {
            return (await client.GetSecretAsync("kontext-readiness", cancellationToken: token)).Value.Name;
        }
        catch (RequestFailedException refused) when (refused.Status == (int)HttpStatusCode.NotFound)
        {
            return null;
        }
    }, cancellationToken);

    /// <summary>The version that carries a tag; null when there is none.</summary>
    public Task<string?> FindVersionAsync(string secret, string tag, string text, CancellationToken cancellationToken) => CallAsync(async token =>
    {
        try
        {
            await foreach (var version in client.GetPropertiesOfSecretVersionsAsync(secret, token))
            {
                if (version.Enabled == true && version.Tags.TryGetValue(tag, out var found) && found == text)
                    return version.Version;
            }
            return null;
        }
        catch (RequestFailedException refused) when (refused.Status == (int)HttpStatusCode.NotFound)
        {
            return null;
        }
    }, cancellationToken);

    /// <summary>Makes a version unreadable. Single versions cannot be deleted.</summary>
    public Task DisableAsync(string secret, string version, CancellationToken cancellationToken) => CallAsync(async token =>
    {
        try
        {
            var properties = new SecretProperties(new Uri(client.VaultUri, $"secrets/{secret}/{version}")) { Enabled = false };
            return (await client.UpdateSecretPropertiesAsync(properties, token)).Value.Enabled;
        }
        catch (RequestFailedException refused) when (refused.Status == (int)HttpStatusCode.NotFound)
        {
            return false;
        }
    }, cancellationToken);

    /// <summary>Deletes a secret with all its versions, and purges it where that is allowed. Gives until when it can be recovered; null when it is gone for good.</summary>
    public Task<DateTimeOffset?> DeleteAsync(string secret, CancellationToken cancellationToken) => CallAsync(async token =>
    {
        if (await StartDeletingAsync(secret, token) is not { } deleted)
            return null;
        return deleted.Properties.RecoveryLevel?.Contains("Purgeable", StringComparison.Ordinal) == true && await PurgeAsync(secret, token) ? null : deleted.ScheduledPurgeDate;
    }, cancellationToken);

    private async Task<DeletedSecret?> StartDeletingAsync(string secret, CancellationToken cancellationToken)
    {
        try
        {
            return (await client.StartDeleteSecretAsync(secret, cancellationToken)).Value;
        }
        catch (RequestFailedException refused) when (refused.Status == (int)HttpStatusCode.NotFound)
        {
            // Never there, or deleted by a try whose answer was lost.
            return await FindDeletedAsync(secret, cancellationToken);
        }
    }

    private async Task<bool> PurgeAsync(string secret, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(PurgeLimit);
        try
        {
            // A secret being deleted cannot be purged yet.
            while (await FindDeletedAsync(secret, limit.Token) is null)
                await Task.Delay(Poll, limit.Token);
            await client.PurgeDeletedSecretAsync(secret, limit.Token);
            return true;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
        catch (RequestFailedException refused) when (refused.Status is (int)HttpStatusCode.Forbidden or (int)HttpStatusCode.Conflict or (int)HttpStatusCode.NotFound)
        {
            // Not our right, or somebody else did it. It is deleted in any case.
            return refused.Status == (int)HttpStatusCode.NotFound;
        }
    }

    private async Task<DeletedSecret?> FindDeletedAsync(string secret, CancellationToken cancellationToken)
    {
        try
        {
            return (await client.GetDeletedSecretAsync(secret, cancellationToken)).Value;
        }
        catch (RequestFailedException refused) when (refused.Status == (int)HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    private async Task RecoverAsync(string secret, CancellationToken cancellationToken)
    {
        try
        {
            await client.StartRecoverDeletedSecretAsync(secret, cancellationToken);
        }
        catch (RequestFailedException refused) when (refused.Status is (int)HttpStatusCode.NotFound or (int)HttpStatusCode.Conflict)
        {
            // Another instance recovers it.
        }
    }

    private async Task<T> CallAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(CallLimit);
        try
        {
            return await call(limit.Token);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (RequestFailedException refused) when (refused.Status is (int)HttpStatusCode.Unauthorized or (int)HttpStatusCode.Forbidden)
        {
            throw new StorageUnavailableException($"Key vault {Name} refuses us ({InnerCodeOf(refused) ?? refused.ErrorCode}). The program's identity needs the role Key Vault Secrets Officer, and a way through the vault's firewall.");
        }
        catch (RequestFailedException refused) when (refused.Status != 0)
        {
            throw new StorageUnavailableException($"Key vault {Name} answered with {refused.Status} {refused.ErrorCode}.") { RetryAfter = refused.GetRawResponse() is { } response ? BoundedRetry.AskedBy(response) : null };
        }
        catch (Exception failure) when (failure is OperationCanceledException or RequestFailedException or AggregateException or IOException or HttpRequestException or AuthenticationFailedException)
        {
            throw new StorageUnavailableException($"Key vault {Name} did not answer.", failure);
        }
    }

    /// <summary>The code that tells one refusal from another of the same status; null when there is none.</summary>
    private static string? InnerCodeOf(RequestFailedException refused)
    {
        try
        {
            using var body = JsonDocument.Parse(refused.GetRawResponse()?.Content ?? BinaryData.FromString("{}"));
            return body.RootElement.TryGetProperty("error", out var error) && error.TryGetProperty("innererror", out var inner) && inner.TryGetProperty("code", out var code) ? code.GetString() : null;
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            // Whatever stood between us and the vault has words of its own.
            return null;
        }
    }
}
