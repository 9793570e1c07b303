using Kontext.Functions.Work;
using Microsoft.Extensions.Configuration;

namespace Kontext.Functions.Tests.Work;

/// <summary>Which queue the settings mean, and who receives from it.</summary>
public sealed class WorkSettingsTests
{
    private const string Bus = "KontextServiceBus:fullyQualifiedNamespace";
    private const string Account = "UseDevelopmentStorage=true";
    private const string Host = "acme.servicebus.windows.net";

    [Theory]
    [InlineData("https://acme.servicebus.windows.net")]
    [InlineData("acme.servicebus.windows.net:443")]
    [InlineData("acme.servicebus.windows.net/kontext-work")]
    [InlineData("Endpoint=sb://acme.servicebus.windows.net/;SharedAccessKeyName=x;SharedAccessKey=eA==")]
    [InlineData("10.0.0.4")]
    [InlineData("acme service bus")]
    public void A_bus_that_is_no_host_name_stops_the_start(string wrong) =>
        Assert.Contains("has to be a host name", Assert.Throws<InvalidSettingException>(() => Read(underHost: true, (Bus, wrong))).Message, StringComparison.Ordinal);

    [Fact]
    public void A_bus_without_the_host_that_receives_from_it_stops_the_start() =>
        Assert.Contains("needs the Functions host", Assert.Throws<InvalidSettingException>(() => Read(underHost: false, (Bus, Host))).Message, StringComparison.Ordinal);

    [Fact]
    public void A_bus_wins_over_a_queue()
    {
        foreach (var queue in ((string, string)[])[("KontextQueue", Account), ("KontextQueue:queueServiceUri", "https://acme.queue.core.windows.net")])
            Assert.Equal(new WorkSettings(null, Host, HostReceives: true), Read(underHost: true, (Bus, Host), queue));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_queue_is_received_from_by_the_host_where_there_is_one(bool underHost)
    {
        var settings = Read(underHost, (Bus, " "), ("KontextQueue", Account));
        Assert.Equal((null, underHost), (settings.ServiceBus, settings.HostReceives));
        Assert.Equal(10001, settings.Queue!.Endpoint.Port);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Without_either_the_program_receives_from_where_its_state_is(bool underHost)
    {
        Assert.Equal(WorkSettings.InMemory, Read(underHost));
        var stored = WorkSettings.Read(new ConfigurationBuilder().Build(), "https://acme.table.core.windows.net", underHost);
        Assert.Equal(("https://acme.queue.core.windows.net/", false), (stored.Queue!.Endpoint.AbsoluteUri, stored.HostReceives));
    }

    private static WorkSettings Read(bool underHost, params (string Name, string Value)[] settings) => WorkSettings.Read(
        new ConfigurationBuilder().AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Name, (string?)setting.Value))).Build(), "memory", underHost);
}
