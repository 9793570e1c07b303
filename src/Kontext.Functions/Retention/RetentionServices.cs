using Kontext.Domain.OAuth;
using Kontext.Functions.Storage;
using Kontext.Functions.Triggers;

namespace Kontext.Functions.Retention;

/// <summary>Registers what takes old rows out of storage.</summary>
internal static class RetentionServices
{
    public static IServiceCollection AddKontextRetention(this IServiceCollection services, KontextSettings settings)
    {
        services
            .AddSingleton<AuditExporter>()
            .AddSingleton<UnusedClients>()
            .AddSingleton(SweepLimits.Default)
            .AddSingleton<ExpirySweep>()
            .AddSingleton<ITimerTrigger, AuditRetentionTimer>()
            .AddSingleton<ITimerTrigger, ExpirySweepTimer>();
        if (settings.Audit is { RetentionDays: not null, Archive: { } archive })
        {
            services.AddSingleton<AuditRetention>().AddSingleton<IAuditArchive>(provider => archive.Directory is { } directory
                ? new DirectoryArchive(directory)
                : new BlobArchive(archive.Container!, archive.Account, provider.GetRequiredService<TimeProvider>()));
        }
        return services;
    }
}
