using Kontext.Domain.Revocations;

namespace Kontext.Domain.OAuth;

/// <summary>What an agent shows the person, and polls with (RFC 8628 section 3.2).</summary>
/// <param name="DeviceCode">What it polls with.</param>
/// <param name="UserCode">What the person types, as it is shown.</param>
/// <param name="Authorization">What was stored.</param>
public sealed record DeviceAuthorizationResponse(Secret DeviceCode, string UserCode, DeviceAuthorization Authorization);

/// <summary>Takes the request of an agent that has no browser to send the person to (RFC 8628 section 3.1).</summary>
public sealed class DeviceAuthorizationRequests(IDeviceAuthorizationStore authorizations, AuthorizeRequests requests, Standstill standstill, TimeProvider time)
{
    /// <summary>Checks what is asked for as the authorization endpoint does, and waits for a person.</summary>
    public async Task<Result<DeviceAuthorizationResponse>> RunAsync(TokenClient client, OAuthParameters parameters, CancellationToken cancellationToken)
    {
        if (parameters.Repeated is { } repeated)
            return repeated;
        if (client is not TokenClient.Agent agent)
            return new Failure(FailureCode.UnauthorizedClient, "A service account uses client_credentials.");
        if (!agent.Application.MayUseDeviceGrant)
            return DeviceCodeGrant.NotAllowed;
        if (await standstill.RefusalAsync(agent.Org, agent.Application, cancellationToken) is { } stopped)
            return stopped;
        if (!requests.Asked(agent.Application, parameters["scope"], parameters.All("resource")).TryGet(out var asked, out var failure))
            return failure;

        while (true)
        {
            var now = time.GetUtcNow();
            var code = OrgHandle.New(agent.Org, OrgHandle.DeviceCode);
            var userCode = UserCode.New();
            var authorization = new DeviceAuthorization
            {
                CodeHash = RandomValue.HashOf(code),
                UserCodeHash = RandomValue.HashOf(userCode),
                Application = agent.Application.Id,
                Scopes = asked.Scopes,
                Resources = asked.Resources,
                Session = Ids.New<SessionId>(now),
                ExpiresAt = now + DeviceAuthorization.Lifetime,
                Interval = DeviceAuthorization.PollStep,
            };
            // A user code is short enough to come up twice; the person has to be able to tell the two agents apart.
            if (await authorizations.InsertAsync(agent.Org, authorization, cancellationToken))
                return new DeviceAuthorizationResponse(new Secret(code), UserCode.Display(userCode), authorization);
        }
    }
}
