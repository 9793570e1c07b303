using Kontext.Domain;

namespace Kontext.Functions.Api;

/// <summary>What no route of a surface takes, a malformed id in one of its addresses included, said in the API's error format (contract 2.1).</summary>
internal static class NothingHere
{
    /// <summary>Answers whatever begins with the group's address and has no route.</summary>
    // Not MapFallback: the generator of request handlers mistakes it for the one that takes no pattern.
    public static void Map(RouteGroupBuilder group) => group
        .Map("/{**path}", (HttpContext context) => ApiErrors.Of(context, new Failure(FailureCode.NotFound, "There is nothing at this address.")))
        .WithOrder(int.MaxValue);
}
