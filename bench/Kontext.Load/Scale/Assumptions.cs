namespace Kontext.Load.Scale;

/// <summary>What the simulations assume. Limits are Microsoft's published scalability targets; latencies are assumptions, in seconds.</summary>
public static class Assumptions
{
    /// <summary>Table operations a second of a storage account (learn.microsoft.com, scalability targets for Table storage).</summary>
    public const int AccountPerSecond = 20_000;

    /// <summary>Entities a second of a partition (the same).</summary>
    public const int PartitionPerSecond = 2_000;

    /// <summary>Operations a second of a Service Bus Standard namespace, in credits (learn.microsoft.com, throttling operations on Azure Service Bus).</summary>
    public const int ServiceBusCredits = 1_000;

    /// <summary>Median of a table operation in the same region.</summary>
    public const double TableSeconds = 0.006;

    /// <summary>Median of putting a message into the queue.</summary>
    public const double QueueSeconds = 0.010;

    /// <summary>Median of a refresh at a provider.</summary>
    public const double ProviderSeconds = 0.300;

    /// <summary>Table operations of a refresh: note, connection, lease, journal, credential, connection, new note and its index, removal of the old note.</summary>
    public const int TableOperationsOfRefresh = 9;
}
