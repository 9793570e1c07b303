using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace Kontext.Domain.Gateway;

/// <summary>Names tools in the flat list (contract 4.4): <c>{integration}__{tool}</c>, valid for every model API (MCP: 1 to 128 of letters, digits, <c>_ . -</c>).
/// The name depends on the integration's and the tool's own names alone, so it is the same on every instance and on every day.</summary>
public static class ToolId
{
    /// <summary>Between integration and tool. A handle never contains it, so its first occurrence is the boundary.</summary>
    public const string Separator = "__";

    private const int MaxLength = 128;
    private const int MaxHandleLength = 48;
    private const int MarkLength = 9;
    private static readonly SearchValues<char> Allowed = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");
    private static readonly SearchValues<char> Hex = SearchValues.Create("0123456789abcdef");

    /// <summary>What an integration is called in tool names: its name with everything that is not allowed, and every doubled underscore, made a hyphen.</summary>
    public static string HandleOf(string integrationName)
    {
        var text = new StringBuilder(integrationName.Length);
        foreach (var character in integrationName)
        {
            var next = Allowed.Contains(character) ? character : '-';
            text.Append(next == '_' && text.Length > 0 && text[^1] == '_' ? '-' : next);
        }
        var handle = text.ToString();
        // A trailing underscore would move the boundary by one.
        if (handle.EndsWith('_'))
            handle = handle[..^1] + "-";
        return handle.Length == 0 ? MarkOf(integrationName)[1..] : handle.Length > MaxHandleLength ? handle[..(MaxHandleLength - MarkLength)] + MarkOf(integrationName) : handle;
    }

    /// <summary>The handle of an integration whose ordinary one another integration has too.</summary>
    public static string DistinctHandleOf(string integrationName)
    {
        var handle = HandleOf(integrationName);
        return handle[..Math.Min(handle.Length, MaxHandleLength - MarkLength)] + MarkOf(integrationName);
    }

    /// <summary>The flat name. A tool whose own name is too long or has other characters is marked with a hash of it, so that two never become one.</summary>
    public static string Format(string handle, string tool)
    {
        var room = MaxLength - handle.Length - Separator.Length;
        if (tool.Length > 0 && tool.Length <= room && !tool.AsSpan().ContainsAnyExcept(Allowed))
            return handle + Separator + tool;
        var safe = string.Concat(tool.Select(character => Allowed.Contains(character) ? character : '-'));
        return handle + Separator + safe[..Math.Min(safe.Length, room - MarkLength)] + MarkOf(tool);
    }

    /// <summary>Whether the tool part of a flat name may be such a marked one, which only the integration's list can translate back.</summary>
    public static bool MayBeMarked(string tool) =>
        tool.Length >= MarkLength && tool[^MarkLength] == '.' && !tool.AsSpan(tool.Length - MarkLength + 1).ContainsAnyExcept(Hex);

    private static string MarkOf(string name) => "." + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)).AsSpan(0, 4));
}
