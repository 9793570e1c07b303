namespace Kontext.Domain.Gateway;

/// <summary>What a server lists.</summary>
/// <param name="Offered">The tools that can be offered, in its order.</param>
/// <param name="Unfit">The names of those that cannot, because they are not as MCP demands.</param>
/// <param name="Cut">It lists more than is read.</param>
public sealed record UpstreamTools(IReadOnlyList<UpstreamTool> Offered, IReadOnlyList<string> Unfit, bool Cut)
{
    /// <summary>The tool of this name; null when none can be offered.</summary>
    public UpstreamTool? Find(string name) => Offered.FirstOrDefault(tool => tool.Name == name);
}
