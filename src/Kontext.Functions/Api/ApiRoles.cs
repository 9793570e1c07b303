using Kontext.Domain;
using Kontext.Functions.Organizations;

namespace Kontext.Functions.Api;

/// <summary>Marks what a person does with what is their own, whatever their role.</summary>
internal sealed record OwnAffairs;

/// <summary>Marks a request that takes a body and changes nothing.</summary>
internal sealed record Question;

/// <summary>The part of the roles that is the same everywhere: an auditor changes nothing.</summary>
internal static class ApiRoles
{
    /// <summary>Does the request change nothing?</summary>
    public static bool OnlyReads(HttpContext context) =>
        HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method) || context.GetEndpoint()?.Metadata.GetMetadata<Question>() is not null;

    /// <summary>The refusal for an auditor who would change something; null for everybody and everything else.</summary>
    public static Failure? RefusalOf(HttpContext context) =>
        CallerOf.Request(context) is (AgentCaller { User.IsAuditor: true } or PersonCaller { User.IsAuditor: true }) && !OnlyReads(context) && context.GetEndpoint()?.Metadata.GetMetadata<OwnAffairs>() is null
            ? new Failure(FailureCode.Forbidden, "The role auditor reads and changes nothing.")
            : null;
}
