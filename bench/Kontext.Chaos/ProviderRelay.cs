using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kontext.Testing;
using Microsoft.AspNetCore.WebUtilities;

namespace Kontext.Chaos;

/// <summary>A provider with the wire before its token endpoint, on which answers get lost and everything is written down: who presented which refresh token, and whose every access token is.</summary>
internal sealed class ProviderRelay : IAsyncDisposable
{
    private readonly Wire wire;
    private readonly Journal journal;
    private readonly Choices dice;
    private readonly ConcurrentDictionary<string, string> accounts;

    private ProviderRelay(UpstreamIdp provider, Wire wire, bool strict, ConcurrentDictionary<string, string> accounts, Choices dice, Journal journal)
    {
        (Provider, this.wire, Strict, this.accounts, this.dice, this.journal) = (provider, wire, strict, accounts, dice, journal);
        wire.Rule = CarryAsync;
    }

    /// <summary>The provider.</summary>
    public UpstreamIdp Provider { get; }

    /// <summary>It ends a grant whose refresh token comes twice; the other kind repeats its answer for some minutes.</summary>
    public bool Strict { get; }

    /// <summary>Loses one answer in so many hundred, from now on.</summary>
    public int LosesPercent { get; set; }

    /// <summary>Takes this much longer to answer, from now on.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>The token endpoint for an account.</summary>
    public Uri TokenEndpoint(string account) => new(wire.Address, $"/t/{account}/token");

    /// <summary>Starts a provider.</summary>
    /// <param name="strict">Its kind.</param>
    /// <param name="life">How long its access tokens live.</param>
    /// <param name="accounts">Where the owner of each access token is written down.</param>
    /// <param name="dice">Decide about single answers.</param>
    /// <param name="journal">Where the rest is written down.</param>
    public static async Task<ProviderRelay> StartAsync(bool strict, TimeSpan life, ConcurrentDictionary<string, string> accounts, Choices dice, Journal journal)
    {
        var seconds = ((int)life.TotalSeconds).ToString(System.Globalization.CultureInfo.InvariantCulture);
        var provider = await UpstreamIdp.StartAsync(("ACCESS_TTL", seconds), ("REFRESHED_TTL", seconds), ("REUSE_GRACE_MS", strict ? "0" : "600000"), ("REFRESH_WORK_MS", "20"));
        return new ProviderRelay(provider, await Wire.OpenAsync(new Uri(provider.Issuer)), strict, accounts, dice, journal);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await wire.DisposeAsync();
        await Provider.DisposeAsync();
    }

    private async Task<WireAnswer?> CarryAsync(WireRequest request, Func<Task<WireAnswer>> pass)
    {
        var account = request.Target.Split('/')[2];
        var form = QueryHelpers.ParseQuery(request.Body);
        Presentation? presented = null;
        if (form.TryGetValue("refresh_token", out var token))
        {
            presented = new Presentation { Account = account, Instance = journal.InstanceOf(request.TraceParent), At = journal.Now };
            journal.Presentations.GetOrAdd(token.ToString(), _ => []).Enqueue(presented);
            journal.Count(presented.Instance is null ? "refreshes asked for by background work" : "refreshes asked for by an agent's request");
        }
        var answer = await pass();
        if (answer.Status == 200 && TokenIn(answer.Body) is { } given)
            accounts[given] = account;
        if (presented is null)
            return answer;
        presented.Status = answer.Status;
        if (Delay > TimeSpan.Zero)
            await Task.Delay(Delay);
        if (!dice.Percent(LosesPercent))
            return answer;
        presented.Lost = true;
        journal.Count("provider answers lost");
        return null;
    }

    private static string? TokenIn(byte[] body)
    {
        try
        {
            return (string?)JsonNode.Parse(body)?["access_token"];
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
