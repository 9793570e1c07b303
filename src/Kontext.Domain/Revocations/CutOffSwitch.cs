using Kontext.Domain.Integrations;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.Revocations;

/// <summary>Writes the one row that every decision about a target looks at; every instance goes by it within a second (architecture 8).</summary>
public sealed class CutOffSwitch(IOrganizationStore organizations, IUserStore users, IApplicationStore applications, IIntegrationStore integrations, ISessionStore sessions, SessionRevocation revocation)
{
    /// <summary>The target with what belongs to it and its name; null when there is no such thing.</summary>
    public async Task<CutOffTarget?> ResolveAsync(OrgId org, CutOffTarget target, CancellationToken cancellationToken)
    {
        switch (target)
        {
            case { Kind: CutOffKind.Session, Session: { } session, Application: { } application }:
                return await sessions.FindAsync(org, application, session, cancellationToken) is { } found ? target with { Name = found.Value.Name, User = found.Value.User } : null;
            case { Kind: CutOffKind.Application, Application: { } application }:
                return await applications.FindAsync(org, application, cancellationToken) is { Value.Archived: false } agent ? target with { Name = agent.Value.Name } : null;
            case { Kind: CutOffKind.User, User: { } user }:
                return await users.FindAsync(org, user, cancellationToken) is { } person ? target with { Name = person.Value.DisplayName } : null;
            case { Kind: CutOffKind.Integration, Integration: { } integration }:
                return await integrations.FindAsync(org, integration, cancellationToken) is { Value.Archived: false } service ? target with { Name = service.Value.Name } : null;
            case { Kind: CutOffKind.Connection, Integration: { } integration, User: { } user }:
                return await integrations.FindAsync(org, integration, cancellationToken) is { Value.Archived: false } connected && await users.FindAsync(org, user, cancellationToken) is not null
                    ? target with { Name = connected.Value.Name } : null;
            case { Kind: CutOffKind.Organization }:
                return await organizations.FindAsync(org, cancellationToken) is { } organization ? target with { Name = organization.Value.Name } : null;
            default:
                return null;
        }
    }

    /// <summary>Is it the program that people manage Kontext with? Without it nobody could undo anything.</summary>
    public async Task<bool> IsBuiltInAsync(OrgId org, CutOffTarget target, CancellationToken cancellationToken) =>
        target is { Kind: CutOffKind.Application, Application: { } application } && await applications.FindAsync(org, application, cancellationToken) is { Value.Registration: Registration.BuiltIn };

    /// <summary>The integration whose connection the target is used with, where it has none of its own; else null.</summary>
    public async Task<IntegrationId?> ServedByAsync(OrgId org, CutOffTarget target, CancellationToken cancellationToken) =>
        target is { Kind: CutOffKind.Connection, Integration: { } integration } && await integrations.FindAsync(org, integration, cancellationToken) is { Value.ConnectionOf: { } suite } ? suite : null;

    /// <summary>Cuts off, or undoes it; gives how many sessions ended. A connection has no row of this kind: ending it is the cut-off.</summary>
    public async Task<int> SetAsync(OrgId org, CutOffTarget target, bool cutOff, string reason, CancellationToken cancellationToken)
    {
        switch (target)
        {
            case { Kind: CutOffKind.Session, Session: { } session, Application: { } id }:
                return await applications.FindAsync(org, id, cancellationToken) is { } application && await revocation.RunAsync(org, application.Value, session, reason, cancellationToken) ? 1 : 0;
            // INVARIANT: written even when it says so already. Who wrote that may have died before the other instances were told, and this answer says that they are.
            case { Kind: CutOffKind.Application, Application: { } id }:
                while (await applications.FindAsync(org, id, cancellationToken) is { } agent
                    && await applications.ReplaceAsync(org, agent, agent.Value with { Suspended = cutOff }, cancellationToken) is null)
                    continue;
                return 0;
            case { Kind: CutOffKind.User, User: { } id }:
                while (await users.FindAsync(org, id, cancellationToken) is { } person
                    && await users.ReplaceAsync(org, person, person.Value with { Disabled = cutOff }, cancellationToken) is null)
                    continue;
                return 0;
            case { Kind: CutOffKind.Integration, Integration: { } id }:
                while (await integrations.FindAsync(org, id, cancellationToken) is { } service
                    && !(await integrations.ReplaceAsync(org, service, service.Value with { Suspended = cutOff }, cancellationToken)).TryGet(out _, out _))
                    continue;
                return 0;
            case { Kind: CutOffKind.Organization }:
                while (await organizations.FindAsync(org, cancellationToken) is { } organization
                    && await organizations.ReplaceAsync(organization, organization.Value with { Suspended = cutOff }, cancellationToken) is null)
                    continue;
                return 0;
            default:
                return 0;
        }
    }
}
