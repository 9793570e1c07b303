using System.Text.Json;
using Kontext.Domain;
using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Policy;

/// <summary>Asks what a call would meet. The question is in the page's address, so that it can be passed on.</summary>
internal static class PolicyCheck
{
    private static readonly string[] Fields = ["applicationId", "userId", "integrationId", "toolName", "target", "arguments"];

    public static async Task<Result<AdminModel>> ViewAsync(AdminVisit visit)
    {
        if (!(await PolicyEndpoints.NamesAsync(visit)).TryGet(out var names, out var failure))
            return failure;
        var form = FormState.Of(Fields.Select(name => (name, visit.Query(name))));
        if (form["applicationId"] is null && form["integrationId"] is null)
            return new CheckModel(visit.Frame, names, FormState.Of(("userId", "me")), null);
        if (!ArgumentsOf(form["arguments"]).TryGet(out var arguments, out failure))
            return new CheckModel(visit.Frame, names, form with { Errors = failure.Fields! }, null);
        var input = new PolicyCheckInput
        {
            ApplicationId = form["applicationId"],
            UserId = form["userId"],
            IntegrationId = form["integrationId"],
            ToolName = form["toolName"],
            Target = form["target"],
            Arguments = arguments,
        };
        if ((await visit.SendAsync(HttpMethods.Post, "/policy/check", input, ApiJson.Default.PolicyCheckInput, ApiJson.Default.PolicyCheckBody)).TryGet(out var decision, out failure))
            return new CheckModel(visit.Frame, names, form, decision);
        return failure.Code is FailureCode.InvalidRequest or FailureCode.NotFound
            ? new CheckModel(visit.Frame, names, form with { Errors = failure.Fields ?? form.Errors, Message = failure.Fields is null ? failure.Message : null }, null)
            : failure;
    }

    private static Result<JsonElement?> ArgumentsOf(string? text)
    {
        if (text is null)
            return Result.Of<JsonElement?>(null);
        try
        {
            return Result.Of<JsonElement?>(JsonElement.Parse(text));
        }
        catch (JsonException)
        {
            return Api.Api.Invalid(new Dictionary<string, string> { ["arguments"] = "Has to be a JSON object." });
        }
    }
}
