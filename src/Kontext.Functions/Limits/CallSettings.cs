using System.Globalization;

namespace Kontext.Functions.Limits;

/// <summary><c>Kontext__Limits__...</c>: how much agents may ask of gateway and proxy, and how long that may take. Rates and numbers of calls and streams are off at 0.</summary>
internal sealed record CallSettings
{
    /// <summary>What holds when nothing is set.</summary>
    public static readonly CallSettings Default = new();

    /// <summary><c>CallsPerMinuteAndAgent</c>: calls of one application, for all its people.</summary>
    public int PerAgent { get; init; } = 6_000;

    /// <summary><c>CallsPerMinuteAndPerson</c>: calls for one person, by all agents.</summary>
    public int PerPerson { get; init; } = 1_200;

    /// <summary><c>ConcurrentCallsPerAgent</c>: calls of one application at the same time.</summary>
    public int ConcurrentPerAgent { get; init; } = 200;

    /// <summary><c>ConcurrentCallsPerPerson</c>: calls for one person at the same time.</summary>
    public int ConcurrentPerPerson { get; init; } = 50;

    /// <summary><c>StreamsPerAgent</c>: streams on which one application waits for changes, for all its people.</summary>
    public int StreamsPerAgent { get; init; } = 1_000;

    /// <summary><c>StreamsPerPerson</c>: such streams for one person, of all agents.</summary>
    public int StreamsPerPerson { get; init; } = 50;

    /// <summary><c>CallSeconds</c>: a gateway call, to the last byte of its answer.</summary>
    public TimeSpan Call { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary><c>ProxyCallSeconds</c>: a proxied call, to the last byte of its answer.</summary>
    public TimeSpan ProxyCall { get; init; } = TimeSpan.FromSeconds(600);

    /// <summary><c>SilenceSeconds</c>: how long an integration's server may send nothing and take nothing.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(50);

    /// <summary><c>WaitSeconds</c>: how long a call is held back for an integration that limits requests; longer waits are left to the agent.</summary>
    public TimeSpan Wait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary><c>WaitingCalls</c>: how many calls of one person are held back at a time.</summary>
    public int Waiting { get; init; } = 16;

    /// <summary><c>MessageBytes</c>: a message to the gateway.</summary>
    public int MessageBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary><c>ProxyBodyBytes</c>: the body of a proxied request. The Functions host takes 100 MB at most.</summary>
    public int ProxyBodyBytes { get; init; } = 32 * 1024 * 1024;

    /// <summary>Reads and checks.</summary>
    /// <param name="kontext">The section <c>Kontext</c>.</param>
    /// <exception cref="InvalidSettingException">A setting is wrong.</exception>
    public static CallSettings Read(IConfigurationSection kontext) => new()
    {
        PerAgent = Number(kontext, "CallsPerMinuteAndAgent", Default.PerAgent, 0, 10_000_000),
        PerPerson = Number(kontext, "CallsPerMinuteAndPerson", Default.PerPerson, 0, 10_000_000),
        ConcurrentPerAgent = Number(kontext, "ConcurrentCallsPerAgent", Default.ConcurrentPerAgent, 0, 100_000),
        ConcurrentPerPerson = Number(kontext, "ConcurrentCallsPerPerson", Default.ConcurrentPerPerson, 0, 100_000),
        StreamsPerAgent = Number(kontext, "StreamsPerAgent", Default.StreamsPerAgent, 0, 100_000),
        StreamsPerPerson = Number(kontext, "StreamsPerPerson", Default.StreamsPerPerson, 0, 100_000),
        Call = Seconds(kontext, "CallSeconds", Default.Call, 1, 3600),
        ProxyCall = Seconds(kontext, "ProxyCallSeconds", Default.ProxyCall, 1, 3600),
        Silence = Seconds(kontext, "SilenceSeconds", Default.Silence, 1, 3600),
        Wait = Seconds(kontext, "WaitSeconds", Default.Wait, 0, 60),
        Waiting = Number(kontext, "WaitingCalls", Default.Waiting, 0, 1000),
        MessageBytes = Number(kontext, "MessageBytes", Default.MessageBytes, 64 * 1024, (int)Listening.MaxRequestBytes),
        ProxyBodyBytes = Number(kontext, "ProxyBodyBytes", Default.ProxyBodyBytes, 0, 100_000_000),
    };

    private static TimeSpan Seconds(IConfigurationSection section, string name, TimeSpan otherwise, int least, int most) =>
        TimeSpan.FromSeconds(Number(section, name, (int)otherwise.TotalSeconds, least, most));

    private static int Number(IConfigurationSection section, string name, int otherwise, int least, int most) => section["Limits:" + name] switch
    {
        null or "" => otherwise,
        var text when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most => number,
        _ => throw new InvalidSettingException($"Kontext__Limits__{name} has to be a number from {least} to {most}."),
    };
}
