using System.Diagnostics;
using System.Diagnostics.Metrics;
using Kontext.Domain.Policies;

namespace Kontext.Domain.Observability;

/// <summary>What is counted and timed. Attributes are words of ours, names of methods and of integrations: few, and never what a caller can make up.</summary>
public static class Measures
{
    private const string ErrorType = "error.type";

    // The boundaries that the conventions for MCP name.
    private static readonly InstrumentAdvice<double> Seconds = new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60] };
    private static readonly Meter Meter = new(Stages.Name);

    private static readonly Histogram<double> ServerOperations = Meter.CreateHistogram("mcp.server.operation.duration", "s", "Duration of MCP requests that agents made.", advice: Seconds);
    private static readonly Histogram<double> ClientOperations = Meter.CreateHistogram("mcp.client.operation.duration", "s", "Duration of MCP requests to the servers of integrations.", advice: Seconds);
    private static readonly Histogram<double> AuditCommits = Meter.CreateHistogram("kontext.audit.commit.duration", "s", "Time until an entry of the audit trail was durable.", advice: Seconds);
    private static readonly Counter<long> Denials = Meter.CreateCounter<long>("kontext.denials", "{denial}", "Uses of integrations that policy denied.");
    private static readonly Counter<long> Refreshes = Meter.CreateCounter<long>("kontext.refreshes", "{refresh}", "Refreshes of credentials at providers.");
    private static readonly Counter<long> Exchanges = Meter.CreateCounter<long>("kontext.exchanges", "{exchange}", "Token exchanges.");
    private static readonly Counter<long> Shed = Meter.CreateCounter<long>("kontext.requests.shed", "{request}", "Requests refused because the instance was busy.");
    private static readonly Counter<long> UpstreamErrors = Meter.CreateCounter<long>("kontext.upstream.errors", "{error}", "Calls that failed at the server of an integration.");

    /// <summary>Whether times are wanted; their start need not be taken otherwise.</summary>
    public static bool Timing => ServerOperations.Enabled || ClientOperations.Enabled || AuditCommits.Enabled;

    /// <summary>An agent's MCP request ended. <paramref name="error"/> is null when it went well.</summary>
    public static void ServerOperation(string method, string? error, TimeSpan took) => Record(ServerOperations, took, new("mcp.method.name", method), error);

    /// <summary>A request to an integration's server ended.</summary>
    public static void ClientOperation(string integration, string method, string? error, TimeSpan took)
    {
        if (error is not null)
            UpstreamErrors.Add(1, new("kontext.integration.name", integration), new(ErrorType, error));
        if (!ClientOperations.Enabled)
            return;
        var tags = new TagList { { "mcp.method.name", method }, { "kontext.integration.name", integration } };
        if (error is not null)
            tags.Add(ErrorType, error);
        ClientOperations.Record(took.TotalSeconds, tags);
    }

    /// <summary>An entry of the audit trail is durable, or failed to become so.</summary>
    public static void AuditCommit(string? error, TimeSpan took) => Record(AuditCommits, took, error is null ? default : new(ErrorType, error), null);

    /// <summary>Policy denied; <paramref name="layer"/> is null when no layer said so in particular.</summary>
    public static void Denial(PolicyLayer? layer) => Denials.Add(1, new KeyValuePair<string, object?>("kontext.policy.layer", layer switch
    {
        PolicyLayer.Organization => "org",
        PolicyLayer.User => "user",
        PolicyLayer.Application => "agent",
        _ => "none",
    }));

    /// <summary>A request was refused because too many were being worked on.</summary>
    public static void RequestShed() => Shed.Add(1);

    /// <summary>A refresh ended: <c>renewed</c>, <c>postponed</c> or <c>ended</c>.</summary>
    public static void Refresh(string outcome) => Refreshes.Add(1, new KeyValuePair<string, object?>("kontext.outcome", outcome));

    /// <summary>A token exchange ended: <c>issued</c>, or the failure's kind.</summary>
    public static void Exchange(Failure? failure) => Exchanges.Add(1, new KeyValuePair<string, object?>("kontext.outcome", failure is null ? "issued" : Stages.WordOf(failure.Code)));

    private static void Record(Histogram<double> histogram, TimeSpan took, KeyValuePair<string, object?> first, string? error)
    {
        if (!histogram.Enabled)
            return;
        var tags = new TagList();
        if (first.Key is not null)
            tags.Add(first);
        if (error is not null)
            tags.Add(ErrorType, error);
        histogram.Record(took.TotalSeconds, tags);
    }
}
