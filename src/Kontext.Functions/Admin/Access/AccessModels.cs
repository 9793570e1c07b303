using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Access;

/// <summary>A way on which a person, or an application for itself, reaches a service.</summary>
/// <param name="Person">Who; null when nobody approved the application yet.</param>
/// <param name="Application">Through what.</param>
/// <param name="Integration">What.</param>
/// <param name="Connected">The person has a connection that works.</param>
/// <param name="Verdict">What policy leaves of it.</param>
internal sealed record AccessWay(AccessNodeBody? Person, AccessNodeBody Application, AccessNodeBody Integration, bool Connected, AccessVerdict Verdict)
{
    /// <summary>All ways of a graph: one per approval, and the application's own where nobody approved it.</summary>
    public static IReadOnlyList<AccessWay> Of(AccessGraphBody graph)
    {
        var nodes = graph.Nodes.ToDictionary(node => node.Id, StringComparer.Ordinal);
        var connected = graph.Edges.Where(edge => edge.Type == "connected").Select(edge => (edge.From, edge.To)).ToHashSet();
        var denied = graph.Edges.Where(edge => edge.Type == "denied").DistinctBy(edge => (edge.From, edge.To, edge.Via)).ToDictionary(edge => (edge.From, edge.To, edge.Via), edge => edge.DeniedBy);
        var approved = graph.Edges.Where(edge => edge is { Type: "approved", Via: not null }).ToLookup(edge => (edge.Via!, edge.To));
        var ways = new List<AccessWay>();
        foreach (var attached in graph.Edges.Where(edge => edge.Type == "attached"))
        {
            var (application, integration) = (nodes[attached.From], nodes[attached.To]);
            var people = approved[(attached.From, attached.To)].ToList();
            if (people.Count == 0)
                ways.Add(new AccessWay(null, application, integration, false, AccessVerdict.Of(attached, denied.GetValueOrDefault((attached.From, attached.To, null)), graph.Enforced)));
            ways.AddRange(people.Select(person => new AccessWay(
                nodes[person.From], application, integration, connected.Contains((person.From, person.To)),
                AccessVerdict.Of(person, denied.GetValueOrDefault((person.From, person.To, person.Via)), graph.Enforced))));
        }
        return ways;
    }
}

/// <summary>What policy leaves of a way, in words and colours.</summary>
/// <param name="Style">The line's style: <c>allow</c>, <c>partial</c>, <c>deny</c>, or <c>observed</c> for what would be denied if the rules were enforced.</param>
/// <param name="Badge">The badge's kind.</param>
/// <param name="Words">In a few words.</param>
/// <param name="More">What that means; null when there is nothing to add.</param>
internal sealed record AccessVerdict(string Style, string Badge, string Words, string? More)
{
    /// <summary>The verdict of an edge that leads to an integration.</summary>
    public static AccessVerdict Of(AccessEdgeBody edge, string? deniedBy, bool enforced)
    {
        var by = deniedBy switch { "org" => "the organization", "user" => "the person's own rules", "application" => "the application's rules", _ => "policy" };
        return (edge.Access, enforced) switch
        {
            ("denied", true) => new("deny", "bad", $"denied by {by}", null),
            ("denied", false) => new("observed", "warn", "would be denied; observe mode", $"By {by}. Nothing is denied while the rules are only observed."),
            ("restricted", true) => new("partial", "warn", "allowed with restrictions", deniedBy is null ? "Needs a person's approval." : $"Some tools are denied or need approval; the raw credential is denied by {by}."),
            ("restricted", false) => new("observed", "warn", "would be restricted; observe mode", "Some tools would be denied or need approval. Nothing is denied while the rules are only observed."),
            _ => new("allow", "good", "allowed", null),
        };
    }
}

/// <summary>What the page of access shows.</summary>
/// <param name="Frame">What is around it.</param>
/// <param name="Picture">The picture.</param>
/// <param name="Ways">The same as a list.</param>
/// <param name="Truncated">There is more than is shown.</param>
/// <param name="Next">Where the next applications begin; null at the end.</param>
/// <param name="Applications">What can be chosen.</param>
/// <param name="Chosen">The application it is about; null for several.</param>
/// <param name="Enforced">False in observe mode.</param>
internal sealed record AccessModel(
    AdminFrame Frame, AccessPicture Picture, IReadOnlyList<AccessWay> Ways, bool Truncated, string? Next, IReadOnlyList<(string Id, string Name)> Applications, string? Chosen, bool Enforced) : AdminModel(Frame);
