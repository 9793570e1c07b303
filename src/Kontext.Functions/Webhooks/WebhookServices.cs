using Kontext.Domain.Audit;
using Kontext.Domain.Webhooks;
using Kontext.Functions.Storage;
using Kontext.Functions.Upstream;

namespace Kontext.Functions.Webhooks;

/// <summary>Registers webhooks, and has the audit trail announce what they are sent.</summary>
internal static class WebhookServices
{
    /// <summary>Needs, from elsewhere: tables, vault, work queue, audit log, time. Comes after the audit log, whose place at the callers it takes.</summary>
    public static IServiceCollection AddKontextWebhooks(this IServiceCollection services, KontextSettings settings) => services
        .AddSingleton<IWebhookStore, WebhookStore>()
        .AddSingleton(provider =>
        {
            var log = provider.GetRequiredService<ILogger<WebhookPublication>>();
            var publication = ActivatorUtilities.CreateInstance<WebhookPublication>(provider);
            publication.QueueFailed += failure => Log.WebhookNotQueued(log, failure);
            return publication;
        })
        .AddSingleton<WebhookDispatch>()
        .AddSingleton<WebhookSweep>()
        .AddSingleton<IWebhookSender>(_ => new HttpWebhookSender(GuardedHttp.Create(settings.AllowPrivateUpstreams)))
        .AddSingleton(new WebhookAddresses(settings.AllowPrivateUpstreams))
        .AddSingleton<IAuditLog, AnnouncingAuditLog>();
}
