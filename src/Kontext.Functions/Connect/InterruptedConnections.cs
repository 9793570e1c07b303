using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.Tenancy;
using Kontext.Domain.Vault;
using Kontext.Functions.Account;
using Kontext.Functions.Pages;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Connect;

/// <summary>What is left of an authorization whose person is no longer signed in when the provider's answer comes.</summary>
/// <param name="IntegrationName">What was to be connected; null where that is not to be told.</param>
/// <param name="ReturnTo">The page to sign in for; null for somebody who has no sign-in here.</param>
internal sealed record Interruption(string? IntegrationName, string? ReturnTo);

/// <summary>The way back for a person whose sign-in ended while they were at a provider: they sign in again, arrive where they began, and are told there. The answer itself is lost, because it is bound to the sign-in that asked for it.</summary>
internal sealed class InterruptedConnections(ConnectStates states, IConnectLinks links, IIntegrationStore integrations, IUserStore users, BrowserSessions browser, PageNotices notices)
{
    private static readonly Interruption Unknown = new(IntegrationName: null, IntegrationsModel.Path);

    /// <summary>What an answer to nobody signed in interrupted, by its <c>state</c>. Leaves word of it for the person who began.</summary>
    public async Task<Interruption> FindAsync(HttpContext context)
    {
        // An answer that was taken before has connected something, or said why not.
        if (await states.FindInterruptedAsync(context.Request.Query["state"], browser.LastBinding(context), context.RequestAborted) is not { State.UsedAt: null } found)
            return Unknown;
        if (await users.CurrentAsync(found.Org, found.State.User, context.RequestAborted) is { IsExternal: true })
            return new Interruption(IntegrationName: null, ReturnTo: null);
        var name = (await integrations.CurrentAsync(found.Org, found.State.Integration, context.RequestAborted))?.Name ?? "the service";
        notices.LeaveUntilSignIn(context, found.State.User, new PageNotice(Succeeded: false, $"Your sign-in ended while you were at {name}, so nothing was connected. Connect it again."));
        // Another browser learns nothing from an answer that it got hold of.
        if (found.State.BrowserBinding is null || found.State.BrowserBinding != browser.LastBinding(context))
            return Unknown;
        var handle = found.Session?.Reveal();
        return new Interruption(name, await FindAsync(handle, context.RequestAborted) is null ? IntegrationsModel.Path : ConnectPageBuilder.PathOf(handle!));
    }

    /// <summary>The page of a connect link to sign in for again, after a form of it came from nobody signed in; null when the link is over, or its person has no sign-in here.</summary>
    public async Task<string?> PageOfFormAsync(HttpContext context, string? handle)
    {
        if (await FindAsync(handle, context.RequestAborted) is not { } session)
            return null;
        notices.LeaveUntilSignIn(context, session.User, new PageNotice(Succeeded: false, "Your sign-in had ended, so nothing was changed. Please do it again."));
        return ConnectPageBuilder.PathOf(handle!);
    }

    private async Task<ConnectSession?> FindAsync(string? handle, CancellationToken cancellationToken) =>
        handle is not null && await links.FindAsync(handle, cancellationToken) is { Session: { External: false } session } ? session : null;
}
