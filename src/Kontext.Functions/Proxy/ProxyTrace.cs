using System.Buffers;
using System.Diagnostics;

namespace Kontext.Functions.Proxy;

/// <summary>The trace a proxied call belongs to (W3C Trace Context): the agent's, or a new one.</summary>
/// <param name="Id">The trace id.</param>
/// <param name="Parent">The <c>traceparent</c> to send; null when the agent's own is passed on.</param>
internal sealed record ProxyTrace(string Id, string? Parent)
{
    private const int Length = 55;
    private static readonly SearchValues<char> Hex = SearchValues.Create("0123456789abcdef");

    /// <summary>The trace of a request. An invalid <c>traceparent</c> counts as none, and neither it nor its state is passed on.</summary>
    public static ProxyTrace Of(HttpRequest request)
    {
        var header = request.Headers.TraceParent;
        if (header.Count == 1 && header.ToString() is var text && IsValid(text))
            return new ProxyTrace(text[3..35], Parent: null);
        var id = ActivityTraceId.CreateRandom().ToHexString();
        return new ProxyTrace(id, $"00-{id}-{ActivitySpanId.CreateRandom().ToHexString()}-00");
    }

    private static bool IsValid(string text) =>
        (text.Length == Length || (text.Length > Length && text[Length] == '-' && !text.StartsWith("00", StringComparison.Ordinal)))
        && text[2] == '-' && text[35] == '-' && text[52] == '-'
        && !text.StartsWith("ff", StringComparison.Ordinal) && text.AsSpan(0, 2).IndexOfAnyExcept(Hex) < 0
        && text.AsSpan(3, 32).IndexOfAnyExcept(Hex) < 0 && text.AsSpan(3, 32).IndexOfAnyExcept('0') >= 0
        && text.AsSpan(36, 16).IndexOfAnyExcept(Hex) < 0 && text.AsSpan(36, 16).IndexOfAnyExcept('0') >= 0
        && text.AsSpan(53, 2).IndexOfAnyExcept(Hex) < 0;
}
