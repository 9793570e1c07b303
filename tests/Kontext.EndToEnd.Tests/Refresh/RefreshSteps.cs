using System.Text.RegularExpressions;
using Kontext.Testing;

namespace Kontext.EndToEnd.Tests.Refresh;

/// <summary>Where on its way a request goes wrong.</summary>
internal enum Moment
{
    /// <summary>The service never gets it.</summary>
    Before,

    /// <summary>The service did what was asked, and the answer is lost.</summary>
    After,
}

/// <summary>One step of a refresh: a request to storage or to the provider, counted from the one that takes the lease.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Name">Method and table, or <see cref="RefreshSteps.Provider"/>.</param>
internal sealed record Step(int Number, string Name);

/// <summary>One process seen as the steps of the refresh it does; a test decides what becomes of each. What is not part of a refresh passes.</summary>
internal sealed partial class RefreshSteps(Func<Step, Func<Task<WireAnswer>>, Task<WireAnswer?>> onStep)
{
    /// <summary>The step at which the provider is asked.</summary>
    public const string Provider = "provider";

    /// <summary>The step that makes a new grant durable.</summary>
    public const string Stored = "POST vault";

    private readonly List<Step> seen = [];

    /// <summary>The steps so far.</summary>
    public IReadOnlyList<Step> Seen
    {
        get
        {
            lock (seen)
                return [.. seen];
        }
    }

    /// <summary>What storage is asked; the rule for the wire to it.</summary>
    public Task<WireAnswer?> OnStorageAsync(WireRequest request, Func<Task<WireAnswer>> pass)
    {
        var table = Table().Match(request.Target.EndsWith("$batch", StringComparison.Ordinal) ? request.Body : request.Target).Groups[1].Value;
        return table is "connections" or "vault" or "refreshdue" or "refreshduepartitions" or "audit" or "auditsegments" ? TakeAsync($"{request.Method} {table}", pass) : AsIs(pass);
    }

    /// <summary>The provider is asked.</summary>
    public Task<WireAnswer?> OnProviderAsync(Func<Task<WireAnswer>> pass) => TakeAsync(Provider, pass);

    private Task<WireAnswer?> TakeAsync(string name, Func<Task<WireAnswer>> pass)
    {
        Step step;
        lock (seen)
        {
            if (seen.Count == 0 && name != "PUT connections")
                return AsIs(pass);
            seen.Add(step = new Step(seen.Count + 1, name));
        }
        return onStep(step, pass);
    }

    private static async Task<WireAnswer?> AsIs(Func<Task<WireAnswer>> pass) => await pass();

    [GeneratedRegex(@"/account\d+/([a-z]+)")]
    private static partial Regex Table();
}
