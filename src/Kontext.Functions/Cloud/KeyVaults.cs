using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Kontext.Functions.Health;
using Kontext.Functions.Storage;

namespace Kontext.Functions.Cloud;

/// <summary>The installation's key vaults. Each has its own limits, so what is new is spread over all of them.</summary>
internal sealed class KeyVaults(IEnumerable<KeyVault> vaults) : IDependency
{
    private readonly ImmutableArray<KeyVault> all = [.. vaults];

    /// <summary>The vault for something new: always the same one for the same text (rendezvous hashing), so that instances agree without asking each other.</summary>
    public KeyVault Choose(string text) => all.MaxBy(vault => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{vault.Name}\n{text}"))), StringComparer.Ordinal)!;

    /// <inheritdoc/>
    public string Name => "vault";

    /// <summary>Asks all of them: each holds somebody's credentials.</summary>
    public Task ProbeAsync(CancellationToken cancellationToken) => Task.WhenAll(all.Select(vault => vault.ProbeAsync(cancellationToken)));

    /// <summary>The vault of this name; null when it is none of ours.</summary>
    public KeyVault? Find(string name) => all.FirstOrDefault(vault => vault.Name == name);

    /// <summary>The vault that something stored refers to.</summary>
    /// <exception cref="StorageUnavailableException">It is not in the settings.</exception>
    public KeyVault Of(string name) => Find(name) ?? throw new StorageUnavailableException($"Key vault {name} holds what is asked for, and is missing in Kontext__KeyVault.");
}
