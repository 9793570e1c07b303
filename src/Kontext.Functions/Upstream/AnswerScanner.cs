using System.Buffers;

namespace Kontext.Functions.Upstream;

/// <summary>Reads a JSON-RPC message piece by piece: notes what it is, and passes the members of its result on as they come, without holding them.
/// Left out are <c>resultType</c>, <c>ttlMs</c> and <c>cacheScope</c>, which each revision of the protocol says in its own way; their values are kept.</summary>
internal sealed class AnswerScanner(IBufferWriter<byte> result)
{
    private const int MaxKey = 1024;
    private const int MaxCapture = 64 * 1024;
    private static readonly SearchValues<byte> Structural = SearchValues.Create("\"{}[],"u8);
    private readonly ArrayBufferWriter<byte> key = new(32);
    private readonly ArrayBufferWriter<byte> capture = new(64);
    private int level;
    private Phase phase;
    private Sink sink;
    private int nesting;
    private bool inString;
    private bool escaped;
    private bool anyMember;

    private enum Phase
    {
        Opening,
        Key,
        InKey,
        Colon,
        ValueStart,
        Value,
        Done,
    }

    private enum Sink
    {
        Drop,
        Capture,
        Emit,
    }

    /// <summary>The client is of a revision in which <c>structuredContent</c> is an object: another is left out.</summary>
    public bool ObjectsOnly { get; init; }

    /// <summary>The message's <c>id</c>, raw; null when it has none.</summary>
    public string? Id { get; private set; }

    /// <summary>The message's <c>method</c>, raw with quotes; null for responses.</summary>
    public string? Method { get; private set; }

    /// <summary>The error object, raw; empty when there is none.</summary>
    public ReadOnlyMemory<byte> Error { get; private set; }

    /// <summary>A result has begun.</summary>
    public bool HasResult { get; private set; }

    /// <summary>The result's <c>isError</c>.</summary>
    public bool IsError { get; private set; }

    /// <summary>The result's <c>resultType</c>; null when it has none.</summary>
    public string? ResultType { get; private set; }

    /// <summary>The result's <c>ttlMs</c>.</summary>
    public long TtlMs { get; private set; }

    /// <summary>The message's closing brace was read.</summary>
    public bool Complete => phase == Phase.Done;

    /// <summary>Reads the next piece.</summary>
    /// <exception cref="UpstreamAnswerException">It is not a JSON-RPC message.</exception>
    public void Feed(ReadOnlySpan<byte> piece)
    {
        var at = 0;
        while (at < piece.Length)
        {
            if (phase is Phase.InKey)
            {
                at = FeedKey(piece, at);
                continue;
            }
            if (phase is Phase.Value)
            {
                at = FeedValue(piece, at);
                continue;
            }
            var next = piece[at];
            if (next is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n')
            {
                at++;
                continue;
            }
            switch (phase)
            {
                case Phase.Opening when next == '{':
                    (level, phase) = (1, Phase.Key);
                    at++;
                    break;
                case Phase.Key when next == '"':
                    key.ResetWrittenCount();
                    phase = Phase.InKey;
                    at++;
                    break;
                case Phase.Key when next == ',':
                    at++;
                    break;
                case Phase.Key when next == '}':
                    CloseObject();
                    at++;
                    break;
                case Phase.Colon when next == ':':
                    phase = Phase.ValueStart;
                    at++;
                    break;
                case Phase.ValueStart:
                    at += BeginValue(next);
                    break;
                default:
                    throw Malformed();
            }
        }
    }

    private static UpstreamAnswerException Malformed() => new("answered with something that is not a JSON-RPC message");

    private int FeedKey(ReadOnlySpan<byte> piece, int at)
    {
        for (; at < piece.Length; at++)
        {
            var next = piece[at];
            if (!escaped && next == '"')
            {
                phase = Phase.Colon;
                return at + 1;
            }
            escaped = !escaped && next == '\\';
            if (key.WrittenCount == MaxKey)
                throw Malformed();
            key.GetSpan(1)[0] = next;
            key.Advance(1);
        }
        return at;
    }

    private int BeginValue(byte first)
    {
        var name = key.WrittenSpan;
        if (level == 1 && name.SequenceEqual("result"u8))
        {
            if (first != '{' || HasResult)
                throw Malformed();
            (HasResult, level, phase) = (true, 2, Phase.Key);
            return 1;
        }
        capture.ResetWrittenCount();
        nesting = 0;
        inString = escaped = false;
        phase = Phase.Value;
        if (level == 1)
            sink = name.SequenceEqual("id"u8) || name.SequenceEqual("method"u8) || name.SequenceEqual("error"u8) ? Sink.Capture : Sink.Drop;
        else if (name.SequenceEqual("resultType"u8) || name.SequenceEqual("ttlMs"u8) || name.SequenceEqual("cacheScope"u8))
            sink = Sink.Capture;
        else if (ObjectsOnly && first != '{' && name.SequenceEqual("structuredContent"u8))
            sink = Sink.Drop;
        else
        {
            sink = Sink.Emit;
            if (anyMember)
                result.Write(","u8);
            anyMember = true;
            result.Write("\""u8);
            result.Write(name);
            result.Write("\":"u8);
            if (name.SequenceEqual("isError"u8))
                IsError = first == 't';
        }
        return 0;
    }

    private int FeedValue(ReadOnlySpan<byte> piece, int at)
    {
        var begin = at;
        while (at < piece.Length)
        {
            if (inString)
            {
                if (escaped)
                {
                    escaped = false;
                    at++;
                    continue;
                }
                var stop = piece[at..].IndexOfAny((byte)'"', (byte)'\\');
                if (stop < 0)
                {
                    at = piece.Length;
                    break;
                }
                at += stop + 1;
                if (piece[at - 1] == '\\')
                    escaped = true;
                else
                    inString = false;
                continue;
            }
            var found = piece[at..].IndexOfAny(Structural);
            if (found < 0)
            {
                at = piece.Length;
                break;
            }
            at += found;
            switch (piece[at])
            {
                case (byte)'"':
                    inString = true;
                    break;
                case (byte)'{' or (byte)'[':
                    nesting++;
                    break;
                case (byte)',' when nesting == 0:
                case (byte)'}' when nesting == 0:
                    Write(piece[begin..at]);
                    EndValue();
                    return at;
                case (byte)'}' or (byte)']':
                    if (--nesting < 0)
                        throw Malformed();
                    break;
            }
            at++;
        }
        Write(piece[begin..at]);
        return at;
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        if (sink == Sink.Emit)
            result.Write(bytes);
        else if (sink == Sink.Capture)
        {
            if (capture.WrittenCount + bytes.Length > MaxCapture)
                throw Malformed();
            capture.Write(bytes);
        }
    }

    private void EndValue()
    {
        phase = Phase.Key;
        if (sink != Sink.Capture)
            return;
        if (key.WrittenSpan.SequenceEqual("error"u8))
        {
            Error = capture.WrittenSpan.ToArray();
            return;
        }
        var value = System.Text.Encoding.UTF8.GetString(capture.WrittenSpan).Trim();
        if (key.WrittenSpan.SequenceEqual("id"u8))
            Id = value;
        else if (key.WrittenSpan.SequenceEqual("method"u8))
            Method = value;
        else if (key.WrittenSpan.SequenceEqual("resultType"u8))
            ResultType = value.Trim('"');
        else if (key.WrittenSpan.SequenceEqual("ttlMs"u8))
            TtlMs = long.TryParse(value, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var milliseconds) ? milliseconds : 0;
    }

    private void CloseObject()
    {
        level--;
        phase = level == 0 ? Phase.Done : Phase.Key;
    }
}
