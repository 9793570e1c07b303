using Kontext.Domain.Work;
using Kontext.Functions.Cloud;
using Kontext.Functions.Health;
using Kontext.Functions.Storage;
using Kontext.Functions.Triggers;

namespace Kontext.Functions.Work;

/// <summary>Registers background work: the queue that the settings name, and whoever receives from it.</summary>
internal static class WorkServices
{
    /// <summary>Needs, from elsewhere: tables, connections, webhooks, time.</summary>
    public static IServiceCollection AddKontextWork(this IServiceCollection services, KontextSettings settings)
    {
        services.AddSingleton<FailedWorkStore>().AddSingleton<WorkHandler>();
        foreach (var name in (string[])["fn_queue_work", "fn_bus_work"])
            services.AddSingleton<IMessageTrigger>(provider => new WorkTrigger(name, provider.GetRequiredService<WorkHandler>()));
        foreach (var name in (string[])["fn_queue_poison", "fn_bus_dead"])
            services.AddSingleton<IMessageTrigger>(provider => new GivenUpTrigger(name, provider.GetRequiredService<WorkHandler>()));

        if (settings.Work.ServiceBus is { } bus)
            return services
                .AddSingleton(provider => new ServiceBusSender(bus, provider.GetRequiredService<TimeProvider>()))
                .AddSingleton<IWorkQueue>(provider => provider.GetRequiredService<ServiceBusSender>())
                .AddSingleton<IDependency>(provider => provider.GetRequiredService<ServiceBusSender>());
        if (settings.Work.Queue is { } account)
        {
            Add(services, provider => new StorageQueue(account, provider.GetRequiredService<TimeProvider>()));
            services.AddSingleton<IDependency>(provider => provider.GetRequiredService<StorageQueue>());
        }
        else
            Add(services, provider => new MemoryQueue(provider.GetRequiredService<TimeProvider>()));
        if (!settings.Work.HostReceives)
            services.AddHostedService<WorkPoller>();
        return services;
    }

    private static void Add<TQueue>(IServiceCollection services, Func<IServiceProvider, TQueue> make)
        where TQueue : class, IWorkQueue, IWorkSource => services
        .AddSingleton(make)
        .AddSingleton<IWorkQueue>(provider => provider.GetRequiredService<TQueue>())
        .AddSingleton<IWorkSource>(provider => provider.GetRequiredService<TQueue>());
}
