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
/// <param name="Style"><c>allow</c>, or what policy leaves of it.</param>
/// <param name="Words">What it stands for.</param>
internal sealed record AccessLine(string Path, string Style, string Words);

/// <summary>The picture of who may reach what: people, applications and services in three columns. Each person's way goes on through the application at the height at which it came in.</summary>
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
        var people = graph.Edges.Where(edge => edge is { Type: "approved", Via: null }).Where(edge => boxes.ContainsKey(edge.From) && boxes.ContainsKey(edge.To))
            .Select(edge => (Person: boxes[edge.From], Application: boxes[edge.To])).OrderBy(way => way.Person.Y).ToList();
        var ways = AccessWay.Of(graph).Where(way => boxes.ContainsKey(way.Application.Id) && boxes.ContainsKey(way.Integration.Id) && (way.Person is null || boxes.ContainsKey(way.Person.Id)))
            .OrderBy(way => boxes[way.Application.Id].Y).ThenBy(way => way.Person is null ? 0 : boxes[way.Person.Id].Y).ToList();
        var through = people.GroupBy(way => way.Application).SelectMany(group => Heights([.. group.Select(way => (way.Person.Node.Id, way.Application.Node.Id))])).ToDictionary();
        var into = ways.GroupBy(way => way.Integration.Id).SelectMany(group => Heights([.. group])).ToDictionary();
        Lines =
        [
            .. people.Select(way => new AccessLine(Course(way.Person, 0, way.Application, through[(way.Person.Node.Id, way.Application.Node.Id)]), "allow", $"{way.Person.Node.Name} approved {way.Application.Node.Name}")),
            .. ways.Select(way => new AccessLine(
                Course(boxes[way.Application.Id], way.Person is null ? 0 : through.GetValueOrDefault((way.Person.Id, way.Application.Id)), boxes[way.Integration.Id], into[way]),
                way.Verdict.Style,
                $"{way.Application.Name} to {way.Integration.Name}{(way.Person is null ? "" : $" for {way.Person.Name}")}: {way.Verdict.Words}")),
        ];
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

    // Lines that end at one box are a little apart, so that each can be seen.
    private static IEnumerable<KeyValuePair<T, double>> Heights<T>(IReadOnlyList<T> ways)
        where T : notnull
    {
        var apart = Math.Min(6.0, (BoxHeight - 8.0) / Math.Max(1, ways.Count - 1));
        return ways.Select((way, at) => KeyValuePair.Create(way, (at - ((ways.Count - 1) / 2.0)) * apart));
    }

    private static string Course(AccessBox from, double leaves, AccessBox to, double arrives)
    {
        var (x1, y1, x2, y2) = (from.X + BoxWidth, from.Y + (BoxHeight / 2) + leaves, to.X, to.Y + (BoxHeight / 2) + arrives);
        var middle = (x1 + x2) / 2;
        return string.Create(CultureInfo.InvariantCulture, $"M{x1} {y1:0.#}C{middle} {y1:0.#} {middle} {y2:0.#} {x2} {y2:0.#}");
    }
}
