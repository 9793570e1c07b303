using Kontext.Functions.Storage;

namespace Kontext.Functions.Work;

/// <summary>Where background work waits. The names are those of the connections in the function folders, so that the Functions host receives from where the program sends to.</summary>
/// <param name="Queue">The account with the Storage queue; null when it is in memory, or Service Bus has it.</param>
/// <param name="ServiceBus"><c>KontextServiceBus__fullyQualifiedNamespace</c>: the Service Bus namespace; null when there is none.</param>
/// <param name="HostReceives">The Functions host takes messages from the queue and posts them; otherwise the program polls.</param>
internal sealed record WorkSettings(StorageAccount? Queue, string? ServiceBus, bool HostReceives)
{
    /// <summary>For one process that forgets.</summary>
    public static readonly WorkSettings InMemory = new(null, null, HostReceives: false);

    /// <summary>Reads the connections; without any, work waits where the state is: in memory, or in the queue service of the same account.</summary>
    /// <exception cref="InvalidSettingException">A setting is wrong.</exception>
    public static WorkSettings Read(IConfiguration configuration, string? storage, bool underHost)
    {
        if (Text(configuration["KontextServiceBus:fullyQualifiedNamespace"]) is { } bus)
        {
            if (Uri.CheckHostName(bus) != UriHostNameType.Dns)
                throw new InvalidSettingException("KontextServiceBus__fullyQualifiedNamespace has to be a host name such as acme.servicebus.windows.net.");
            return underHost ? new WorkSettings(null, bus, HostReceives: true)
                : throw new InvalidSettingException("KontextServiceBus__fullyQualifiedNamespace needs the Functions host, which receives the messages. Run alone, the program uses the Storage queue: set KontextQueue, or nothing.");
        }
        if ((Text(configuration["KontextQueue"]) ?? Text(configuration["KontextQueue:queueServiceUri"])) is { } queue)
            return new WorkSettings(StorageAccount.ParseQueue(queue), null, HostReceives: underHost);
        return storage is null or "memory" ? InMemory : new WorkSettings(StorageAccount.ParseQueue(storage), null, HostReceives: false);
    }

    private static string? Text(string? setting) => string.IsNullOrWhiteSpace(setting) ? null : setting;
}
