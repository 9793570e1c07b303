using Kontext.Domain.Audit;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Kontext.Functions.Storage;

/// <summary>Registers the audit trail over whatever <see cref="ITableSource"/> is registered.</summary>
internal static class TableAuditLogServices
{
    /// <summary>Adds <see cref="IAuditLog"/> and <see cref="IAuditExport"/>, one instance for both.</summary>
    public static IServiceCollection AddKontextAudit(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<TableAuditLog>();
        services.AddSingleton<IAuditLog>(provider => provider.GetRequiredService<TableAuditLog>());
        services.AddSingleton<IAuditExport>(provider => provider.GetRequiredService<TableAuditLog>());
        services.AddSingleton<ITraces, TraceReader>();
        services.AddSingleton<TraceRollup>();
        return services;
    }
}
