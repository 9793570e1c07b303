using System.Globalization;
using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Access;

/// <summary>A box of the picture.</summary>
/// <param name="Node">What it stands for.</param>
/// <param name="X">Its left edge.</param>
/// <param name="Y">Its upper edge.</param>
internal sealed record AccessBox(AccessNodeBody Node, int X, int Y)
{
    /// <summary>Where its page is; null for people, who have none.</summary>
    public string? Href => Node.Type switch { "application" => $"/console/applications/{Node.ResourceId}", "integration" => $"/console/integrations/{Node.ResourceId}", _ => null };

    /// <summary>Its name, as far as there is room.</summary>
    public string Text => Node.Name.Length <= 26 ? Node.Name : Node.Name[..25] + "…";
}

/// <summary>A line of the picture.</summary>
/// <param name="Path">Its course.</param>
/// <param name="Style"><c>allow</c>, or <c>deny</c> when policy lets nothing through.</param>
internal sealed record AccessLine(string Path, string Style);

/// <summary>The picture of who may reach what: people, applications and services in three columns.</summary>
internal sealed class AccessPicture
{
    /// <summary>The width of a box.</summary>
    public const int BoxWidth = 210;

    /// <summary>The height of a box.</summary>
    public const int BoxHeight = 32;

    /// <summary>The width of the picture.</summary>
    public const int Width = 900;

    private const int Row = 44;
    private const int Head = 30;
    private const int MostInColumn = 25;
    private static readonly string[] Columns = ["user", "application", "integration"];

    private readonly Dictionary<string, AccessBox> boxes = new(StringComparer.Ordinal);

    private AccessPicture(AccessGraphBody graph)
    {
        for (var column = 0; column < Columns.Length; column++)
        {
            var nodes = graph.Nodes.Where(node => node.Type == Columns[column]).OrderBy(node => node.Name, StringComparer.OrdinalIgnoreCase).ToList();
            LeftOut |= nodes.Count > MostInColumn;
            for (var at = 0; at < Math.Min(nodes.Count, MostInColumn); at++)
                boxes[nodes[at].Id] = new AccessBox(nodes[at], column * (Width - BoxWidth) / 2, Head + (at * Row));
        }
        var denied = graph.Edges.Where(edge => edge is { Type: "denied", Via: null }).Select(edge => (edge.From, edge.To)).ToHashSet();
        Lines = [.. graph.Edges.Where(edge => edge.Type is "attached" || (edge.Type is "approved" && edge.Via is null)).Where(edge => boxes.ContainsKey(edge.From) && boxes.ContainsKey(edge.To))
            .Select(edge => new AccessLine(Course(boxes[edge.From], boxes[edge.To]), denied.Contains((edge.From, edge.To)) ? "deny" : "allow"))];
    }

    /// <summary>The boxes.</summary>
    public IReadOnlyCollection<AccessBox> Boxes => boxes.Values;

    /// <summary>The lines.</summary>
    public IReadOnlyList<AccessLine> Lines { get; }

    /// <summary>There are more than are drawn.</summary>
    public bool LeftOut { get; }

    /// <summary>The height of the picture.</summary>
    public int Height => boxes.Values.Select(box => box.Y).DefaultIfEmpty().Max() + BoxHeight + 8;

    /// <summary>Draws a graph.</summary>
    public static AccessPicture Of(AccessGraphBody graph) => new(graph);

    private static string Course(AccessBox from, AccessBox to)
    {
        var (x1, y1, x2, y2) = (from.X + BoxWidth, from.Y + (BoxHeight / 2), to.X, to.Y + (BoxHeight / 2));
        var middle = (x1 + x2) / 2;
        return string.Create(CultureInfo.InvariantCulture, $"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}");
    }
}
