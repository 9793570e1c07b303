using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Vault;

namespace Kontext.Testing.Connections;

/// <summary>Breaks a port at chosen calls: what a process that dies there, or a service that fails there, looks like.</summary>
public sealed class Breakage
{
    private readonly ConcurrentDictionary<string, int> remaining = new();

    /// <summary>The next <paramref name="times"/> calls of a step throw.</summary>
    public void Break(string step, int times = 1) => remaining[step] = times;

    /// <summary>To be called by ports at each step.</summary>
    public void Reach(string step)
    {
        if (remaining.TryGetValue(step, out var times) && times > 0)
        {
            remaining[step] = times - 1;
            throw new IOException($"Broken at {step}.");
        }
    }
}

/// <summary>Connections in memory, with the compare-and-swap of the real store.</summary>
public sealed class MemoryConnections(Breakage breakage) : IConnectionStore
{
    private readonly Dictionary<(OrgId, UserId, IntegrationId), Versioned<Connection>> rows = [];
    private long version;

    /// <summary>How often every instance was told to forget what it knew.</summary>
    public int CutOffs { get; private set; }

    /// <summary>Runs after a write, outside the lock: what another instance does at that moment.</summary>
    public Func<Connection, Task>? AfterWrite { get; set; }

    /// <summary>What a read waits for.</summary>
    public Task BeforeRead { get; set; } = Task.CompletedTask;

    /// <inheritdoc/>
    public async ValueTask<Connection?> CurrentAsync(OrgId org, UserId user, IntegrationId integration, CancellationToken cancellationToken) =>
        (await FindAsync(org, user, integration, cancellationToken))?.Value;

    /// <inheritdoc/>
    public async Task<Versioned<Connection>?> FindAsync(OrgId org, UserId user, IntegrationId integration, CancellationToken cancellationToken)
    {
        await BeforeRead.WaitAsync(cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        lock (rows)
            return rows.GetValueOrDefault((org, user, integration));
    }

    /// <inheritdoc/>
    public Task<Versioned<Connection>?> InsertAsync(OrgId org, Connection connection, CancellationToken cancellationToken)
    {
        breakage.Reach("row");
        lock (rows)
        {
            var key = (org, connection.User, connection.Integration);
            return Task.FromResult(rows.ContainsKey(key) ? null : rows[key] = Next(connection));
        }
    }

    /// <inheritdoc/>
    public async Task<Versioned<Connection>?> ReplaceAsync(OrgId org, Versioned<Connection> current, Connection next, bool cutOff, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        breakage.Reach(next.LeaseUntil is not null ? "lease" : "row");
        Versioned<Connection> written;
        lock (rows)
        {
            var key = (org, next.User, next.Integration);
            if (!rows.TryGetValue(key, out var stored) || stored.Version != current.Version)
                return null;
            rows[key] = written = Next(next);
            CutOffs += cutOff ? 1 : 0;
        }
        if (AfterWrite is { } after)
            await after(next);
        return written;
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<Connection>> ListAsync(OrgId org, UserId user, CancellationToken cancellationToken)
    {
        lock (rows)
            return Task.FromResult<IReadOnlyList<Connection>>([.. rows.Where(row => row.Key.Item1 == org && row.Key.Item2 == user).Select(row => row.Value.Value)]);
    }

    /// <inheritdoc/>
    public Task<Page<Connection>> ListOfAsync(OrgId org, IntegrationId integration, string? cursor, int limit, CancellationToken cancellationToken)
    {
        lock (rows)
            return Task.FromResult(new Page<Connection>([.. rows.Where(row => row.Key.Item1 == org && row.Key.Item3 == integration).Select(row => row.Value.Value)], NextCursor: null));
    }

    private Versioned<Connection> Next(Connection connection) => new(connection, (++version).ToString(CultureInfo.InvariantCulture));
}

/// <summary>A vault in memory that keeps versions in order.</summary>
public sealed class MemoryVault(Breakage breakage) : ICredentialVault
{
    private readonly Dictionary<(OrgId, CredentialName), SortedDictionary<string, Secret>> names = [];
    private int version;

    /// <summary>How many versions a name has.</summary>
    public int CountOf(OrgId org, CredentialName name)
    {
        lock (names)
            return names.TryGetValue((org, name), out var versions) ? versions.Count : 0;
    }

    /// <inheritdoc/>
    public Task<string> PutAsync(OrgId org, CredentialName name, Secret value, CancellationToken cancellationToken)
    {
        breakage.Reach("put");
        string id;
        lock (names)
        {
            id = (++version).ToString("D8", CultureInfo.InvariantCulture);
            if (!names.TryGetValue((org, name), out var versions))
                names[(org, name)] = versions = new SortedDictionary<string, Secret>(StringComparer.Ordinal);
            versions[id] = value;
        }
        breakage.Reach("after-put");
        return Task.FromResult(id);
    }

    /// <inheritdoc/>
    public Task<Secret?> GetAsync(OrgId org, CredentialName name, string version, CancellationToken cancellationToken)
    {
        breakage.Reach("get");
        lock (names)
            return Task.FromResult(names.TryGetValue((org, name), out var versions) ? versions.GetValueOrDefault(version) : null);
    }

    /// <inheritdoc/>
    public Task<(string Version, Secret Value)?> GetLatestAsync(OrgId org, CredentialName name, CancellationToken cancellationToken)
    {
        breakage.Reach("latest");
        lock (names)
        {
            if (!names.TryGetValue((org, name), out var versions) || versions.Count == 0)
                return Task.FromResult<(string, Secret)?>(null);
            var last = versions.Last();
            return Task.FromResult<(string, Secret)?>((last.Key, last.Value));
        }
    }

    /// <inheritdoc/>
    public Task TrimAsync(OrgId org, CredentialName name, string keepFrom, CancellationToken cancellationToken)
    {
        breakage.Reach("trim");
        lock (names)
        {
            foreach (var old in names[(org, name)].Keys.Where(id => string.CompareOrdinal(id, keepFrom) < 0).ToList())
                names[(org, name)].Remove(old);
        }
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<DateTimeOffset?> DeleteAsync(OrgId org, CredentialName name, CancellationToken cancellationToken)
    {
        breakage.Reach("delete");
        lock (names)
            names.Remove((org, name));
        return Task.FromResult<DateTimeOffset?>(null);
    }
}

/// <summary>Binds a text to organization and context without hiding it: a test sees when the binding is wrong.</summary>
public sealed class PlainSealer : ISealer
{
    /// <inheritdoc/>
    public ValueTask<string> SealAsync(OrgId org, string context, Secret value, CancellationToken cancellationToken) => new($"{org}|{context}|{value.Reveal()}");

    /// <inheritdoc/>
    public ValueTask<Secret?> OpenAsync(OrgId org, string context, string sealedText, CancellationToken cancellationToken) =>
        new(sealedText.StartsWith($"{org}|{context}|", StringComparison.Ordinal) ? new Secret(sealedText[$"{org}|{context}|".Length..]) : null);

    /// <inheritdoc/>
    public ValueTask<byte[]> DeriveAsync(OrgId org, string purpose, string text, CancellationToken cancellationToken) =>
        new(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes($"{org}|{purpose}|{text}")));
}

/// <summary>An audit trail in memory.</summary>
public sealed class MemoryAudit : IAuditLog
{
    private readonly List<AuditEvent> events = [];

    /// <summary>The kinds of events so far, in order.</summary>
    public IReadOnlyList<string> Types
    {
        get
        {
            lock (events)
                return [.. events.Select(happened => happened.Type)];
        }
    }

    /// <summary>The events so far, in order.</summary>
    public IReadOnlyList<AuditEvent> Events
    {
        get
        {
            lock (events)
                return [.. events];
        }
    }

    /// <summary>The last event.</summary>
    public AuditEvent Last
    {
        get
        {
            lock (events)
                return events[^1];
        }
    }

    /// <inheritdoc/>
    public Task AppendAsync(OrgId org, AuditEvent happened, CancellationToken cancellationToken)
    {
        lock (events)
            events.Add(happened);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<LatestEntries> LatestAsync(OrgId org, AuditTime time, int limit, Func<AuditEvent, bool> matches, CancellationToken cancellationToken) =>
        Task.FromResult(new LatestEntries([]));
}
