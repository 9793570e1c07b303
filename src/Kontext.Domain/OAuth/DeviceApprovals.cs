using System.Collections.Immutable;
using Kontext.Domain.Audit;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.OAuth;

/// <summary>Who decides about a device: the person, and the browser they sit at.</summary>
/// <param name="Org">Their organization.</param>
/// <param name="User">The person.</param>
/// <param name="Browser">What tells this browser session from others.</param>
/// <param name="SignedInAt">When they proved who they are.</param>
public sealed record DeviceApprover(OrgId Org, User User, string Browser, DateTimeOffset SignedInAt);

/// <summary>An agent that waits, found by its user code.</summary>
/// <param name="Authorization">What it asked for.</param>
/// <param name="Request">The same as the consent page takes it.</param>
public sealed record WaitingDevice(DeviceAuthorization Authorization, AuthorizeRequest Request);

/// <summary>The person's side of the device grant: finds the agent a code stands for, and takes the decision (RFC 8628 section 3.3).</summary>
public sealed class DeviceApprovals(IDeviceAuthorizationStore authorizations, IApplicationStore applications, AuthorizeRequests requests, UserCodeGuesses guesses, IAuditLog audit, Resources resources, TimeProvider time)
{
    private static readonly Failure Wrong = new(FailureCode.InvalidGrant, "No agent is waiting with this code. Compare it with the one the agent shows; a code can be used once, within ten minutes.");

    /// <summary>The agent that waits with a code; <see cref="FailureCode.InvalidGrant"/> when none does, <see cref="FailureCode.RateLimited"/> after too many wrong codes.</summary>
    public async Task<Result<WaitingDevice>> FindAsync(DeviceApprover person, string? typed, CancellationToken cancellationToken)
    {
        // What no code can be is a slip, not a guess.
        if (UserCode.Normalize(typed) is not { } code)
            return Wrong with { Detail = "malformed" };
        var byUser = "user\n" + person.User.Id;
        var byBrowser = "browser\n" + person.Browser;
        if (await RefusalAsync(person, byUser, UserCodeGuesses.PerPerson, cancellationToken) is { } refused)
            return refused;
        if (await RefusalAsync(person, byBrowser, UserCodeGuesses.PerBrowser, cancellationToken) is { } refusedHere)
            return refusedHere;

        if (await authorizations.FindByUserCodeAsync(person.Org, RandomValue.HashOf(code), cancellationToken) is not { } found || !found.Value.IsOpen(time.GetUtcNow())
            || await applications.CurrentAsync(person.Org, found.Value.Application, cancellationToken) is not { Archived: false, MayUseDeviceGrant: true } application
            || !requests.Asked(application, Scopes.Format(found.Value.Scopes), found.Value.Resources).TryGet(out _, out _))
            return Wrong;
        await guesses.GiveBackAsync(person.Org, byUser, cancellationToken);
        await guesses.GiveBackAsync(person.Org, byBrowser, cancellationToken);
        return new WaitingDevice(found.Value, new AuthorizeRequest
        {
            Org = person.Org,
            Application = application,
            RedirectUri = resources.DevicePage,
            Scopes = found.Value.Scopes,
            Resources = found.Value.Resources,
        });
    }

    /// <summary>Takes the decision, which counts once; <see cref="FailureCode.InvalidGrant"/> when there is nothing left to decide.</summary>
    /// <param name="person">Who decides.</param>
    /// <param name="device">The agent that waits.</param>
    /// <param name="approved">The integrations approved; null when the person refuses.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<Result<Done>> DecideAsync(DeviceApprover person, DeviceAuthorization device, ImmutableArray<IntegrationId>? approved, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (await authorizations.FindAsync(person.Org, device.CodeHash, cancellationToken) is not { } current || !current.Value.IsOpen(time.GetUtcNow()))
                return new Failure(FailureCode.InvalidGrant, "Somebody has decided already, or it took longer than ten minutes. If the agent still waits, have it show a new code.");
            var next = current.Value with
            {
                Decision = approved is null ? DeviceDecision.Denied : DeviceDecision.Approved,
                User = person.User.Id,
                SignedInAt = person.SignedInAt,
                Approved = approved ?? [],
            };
            // The agent may have polled in between, which changes the row but not the question.
            if (await authorizations.ReplaceAsync(person.Org, current, next, cancellationToken) is not null)
                return new Done();
        }
    }

    private async Task<Failure?> RefusalAsync(DeviceApprover person, string who, int limit, CancellationToken cancellationToken)
    {
        var allowance = await guesses.TakeAsync(person.Org, who, limit, cancellationToken);
        if (allowance.RetryAfter is not { } wait)
            return null;
        if (allowance.First)
        {
            await audit.AppendAsync(person.Org, new AuditEvent
            {
                At = time.GetUtcNow(),
                Type = AuditTypes.Consent,
                Status = "warn",
                User = new AuditParty(person.User.Id.ToString(), person.User.DisplayName),
                ErrorType = "too_many_user_codes",
                ErrorMessage = $"More than {limit} wrong device codes were entered within {UserCodeGuesses.Window.TotalMinutes:0} minutes.",
            }, cancellationToken);
        }
        return new Failure(FailureCode.RateLimited, $"Too many wrong codes were entered. Codes can be entered again in {Math.Ceiling(wait.TotalMinutes):0} minutes.") { RetryAfter = wait };
    }
}
