using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Kontext.Load.Runs;

/// <summary>What one revocation came to, counted from its answer.</summary>
/// <param name="Answered">How long the order itself took.</param>
/// <param name="Here">When the last answer with a credential came from the instance that took the order; zero when none came after it.</param>
/// <param name="Elsewhere">The same of the other instance.</param>
/// <param name="Again">How long reinstating took until both instances served again, its own request included.</param>
/// <param name="Served">Answers with a credential while it was cut off, all in all.</param>
/// <param name="OthersRefused">Requests of somebody else that failed meanwhile.</param>
public sealed record Revoked(TimeSpan Answered, TimeSpan Here, TimeSpan Elsewhere, TimeSpan Again, int Served, int OthersRefused);

/// <summary>An agent that asks two instances for credentials without a pause is cut off, and what it still gets is counted; beside it a service account goes on.</summary>
public static class RevocationRun
{
    private const int AskersPerInstance = 4;

    // Longer than the second an instance has.
    private static readonly TimeSpan Watched = TimeSpan.FromMilliseconds(1_500);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Cuts off and reinstates, some times.</summary>
    public static async Task<IReadOnlyList<Revoked>> RunAsync(EchoUpstream upstream, int times)
    {
        await using var workplace = await Workplace.CreateAsync(upstream);
        await using var second = await workplace.StartAsync();
        using var http = new HttpClient();
        await ServedAsync(http, workplace, second.Url);
        var revoked = new List<Revoked>();
        for (var time = 0; time < times; time++)
            revoked.Add(await OnceAsync(http, workplace, second.Url));
        return revoked;
    }

    private static async Task<Revoked> OnceAsync(HttpClient http, Workplace workplace, Uri other)
    {
        using var over = new CancellationTokenSource();
        var bystander = AskAsync(http, workplace.ClientCredentials, over.Token);
        var here = Asking(workplace.Kontext.Url);
        var elsewhere = Asking(other);
        // Everybody is at it when the order comes.
        await Task.Delay(300);
        var ordered = Stopwatch.GetTimestamp();
        var id = (string)(await workplace.ManageAsync(HttpMethod.Post, "/revocations", new JsonObject { ["type"] = "application", ["applicationId"] = workplace.ApplicationId }))["revocation"]!["id"]!;
        var acknowledged = Stopwatch.GetTimestamp();
        await Task.Delay(Watched);
        await over.CancelAsync();
        var (lastHere, lastElsewhere) = (await Task.WhenAll(here), await Task.WhenAll(elsewhere));
        var refused = (await bystander).Refused;

        var undoing = Stopwatch.GetTimestamp();
        await workplace.ManageAsync(HttpMethod.Post, $"/revocations/{id}/reinstate");
        await ServedAsync(http, workplace, other);
        return new Revoked(
            Stopwatch.GetElapsedTime(ordered, acknowledged), Last(lastHere), Last(lastElsewhere), Stopwatch.GetElapsedTime(undoing),
            lastHere.Concat(lastElsewhere).Sum(asked => asked.Served.Count(at => at > acknowledged)), refused);

        Task<Asked>[] Asking(Uri instance) => [.. Enumerable.Range(0, AskersPerInstance).Select(_ => AskAsync(http, () => workplace.Exchange(instance, "notes"), over.Token))];

        TimeSpan Last(IEnumerable<Asked> asked) => asked.SelectMany(one => one.Served).DefaultIfEmpty(acknowledged).Max() is var last && last > acknowledged ? Stopwatch.GetElapsedTime(acknowledged, last) : TimeSpan.Zero;
    }

    private static async Task<Asked> AskAsync(HttpClient http, Func<HttpRequestMessage> next, CancellationToken over)
    {
        var (served, refused) = (new List<long>(), 0);
        while (!over.IsCancellationRequested)
        {
            if (await IsServedAsync(http, next))
                served.Add(Stopwatch.GetTimestamp());
            else
                refused++;
        }
        return new Asked(served, refused);
    }

    private static async Task ServedAsync(HttpClient http, Workplace workplace, Uri other)
    {
        var clock = Stopwatch.StartNew();
        foreach (var instance in new[] { workplace.Kontext.Url, other })
        {
            while (!await IsServedAsync(http, () => workplace.Exchange(instance, "notes")))
            {
                if (clock.Elapsed > Patience)
                    throw new TimeoutException($"{instance} does not serve the agent.");
            }
        }
    }

    private static async Task<bool> IsServedAsync(HttpClient http, Func<HttpRequestMessage> next)
    {
        using var request = next();
        using var answer = await http.SendAsync(request);
        return answer.IsSuccessStatusCode;
    }

    /// <summary>When each answer with a credential came, and how many others did.</summary>
    private sealed record Asked(IReadOnlyList<long> Served, int Refused);
}
