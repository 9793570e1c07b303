using System.Collections.Immutable;
using Kontext.Domain;
using Kontext.Domain.Audit;
using Kontext.Domain.Integrations;
using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.OAuth;

/// <summary>Reads what a person decided on the consent page, and records it.</summary>
internal sealed class ConsentDecision(ConsentScreen consent, IAuditLog audit, TimeProvider time)
{
    /// <summary>The integrations approved; null when the person refused.</summary>
    public async Task<ImmutableArray<IntegrationId>?> TakeAsync(AuthorizeRequest request, BrowserUser person, IFormCollection form, CancellationToken cancellationToken)
    {
        var approve = form["decision"] == "approve";
        var question = await consent.QuestionAsync(request, person.User, cancellationToken);
        var approved = question.Standing.Concat(question.Asked.Where(integration => form["integration"].Contains(integration.Id.ToString()))).ToList();
        await RecordAsync(request, person.User, approve, approved, cancellationToken);
        return approve ? [.. approved.Select(integration => integration.Id)] : null;
    }

    private Task RecordAsync(AuthorizeRequest request, User user, bool approved, IReadOnlyList<Integration> integrations, CancellationToken cancellationToken) =>
        audit.AppendAsync(request.Org, new AuditEvent
        {
            At = time.GetUtcNow(),
            Type = AuditTypes.Consent,
            Status = approved ? "ok" : "warn",
            Agent = new AuditParty(request.Application.Id.ToString(), request.Application.Name),
            User = new AuditParty(user.Id.ToString(), user.DisplayName),
            Scopes = request.Scopes,
            Target = approved ? string.Join(", ", integrations.Select(integration => integration.Name)) : null,
            ErrorType = approved ? null : "access_denied",
        }, cancellationToken);
}
