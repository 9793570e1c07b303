using System.Buffers;

namespace Kontext.Functions.Upstream;

/// <summary>An MCP server broke off, broke the protocol or said too much. The message is for the agent.</summary>
internal sealed class UpstreamAnswerException(string message) : Exception(message);

/// <summary>Cuts a body into JSON-RPC messages and gives each in pieces as it arrives: one message for JSON, one per event for SSE
/// (WHATWG HTML, server-sent events). Holds one buffer, however long a message is.</summary>
internal sealed class UpstreamMessages(Stream body, bool events, long maxBytes) : IDisposable
{
    private byte[] buffer = ArrayPool<byte>.Shared.Rent(16 * 1024);
    private int start;
    private int end;
    private bool skipLineFeed;
    private bool inData;
    private bool begun;

    private enum Line
    {
        Blank,
        Data,
        Other,
        End,
    }

    /// <summary>Bytes received so far.</summary>
    public long Received { get; private set; }

    /// <summary>Goes to the next message; false when there is none.</summary>
    public async ValueTask<bool> MoveNextAsync(CancellationToken cancellationToken)
    {
        if (!events)
            return !begun && (begun = true);
        while (true)
        {
            switch (await NextLineAsync(cancellationToken))
            {
                case Line.Data:
                    inData = true;
                    return true;
                case Line.End:
                    return false;
            }
        }
    }

    /// <summary>The next piece of the message, valid until the next call; empty at its end.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> ReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (!events)
            {
                if (start == end && !await FillAsync(cancellationToken))
                    return default;
                return Take(end - start);
            }
            if (inData)
            {
                if (start == end && !await FillAsync(cancellationToken))
                    return default;
                var length = buffer.AsSpan(start, end - start).IndexOfAny((byte)'\r', (byte)'\n');
                if (length != 0)
                    return Take(length < 0 ? end - start : length);
                EndLine();
                inData = false;
            }
            switch (await NextLineAsync(cancellationToken))
            {
                case Line.Blank or Line.End:
                    return default;
                case Line.Data:
                    inData = true;
                    return "\n"u8.ToArray();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        var rented = buffer;
        buffer = [];
        if (rented.Length > 0)
            ArrayPool<byte>.Shared.Return(rented);
    }

    private ReadOnlyMemory<byte> Take(int length)
    {
        var piece = buffer.AsMemory(start, length);
        start += length;
        return piece;
    }

    /// <summary>Reads the name of the next line's field, and the whole line unless it is data.</summary>
    private async ValueTask<Line> NextLineAsync(CancellationToken cancellationToken)
    {
        var matched = 0;
        while (true)
        {
            if (start == end && !await FillAsync(cancellationToken))
                return Line.End;
            var next = buffer[start];
            if (skipLineFeed)
            {
                skipLineFeed = false;
                if (next == '\n')
                {
                    start++;
                    continue;
                }
            }
            if (next is (byte)'\r' or (byte)'\n')
            {
                EndLine();
                return matched == 0 ? Line.Blank : Line.Other;
            }
            if (matched < 5)
            {
                if (next != "data:"u8[matched])
                {
                    await SkipLineAsync(cancellationToken);
                    return Line.Other;
                }
                matched++;
                start++;
                continue;
            }
            // One space after the colon does not belong to the value.
            if (next == ' ')
                start++;
            return Line.Data;
        }
    }

    private async ValueTask SkipLineAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var length = buffer.AsSpan(start, end - start).IndexOfAny((byte)'\r', (byte)'\n');
            if (length >= 0)
            {
                start += length;
                EndLine();
                return;
            }
            start = end;
            if (!await FillAsync(cancellationToken))
                return;
        }
    }

    private void EndLine() => skipLineFeed = buffer[start++] == '\r';

    private async ValueTask<bool> FillAsync(CancellationToken cancellationToken)
    {
        try
        {
            (start, end) = (0, await body.ReadAsync(buffer, cancellationToken));
        }
        catch (Exception broken) when (broken is IOException or HttpRequestException)
        {
            throw new UpstreamAnswerException("broke off in the middle of its answer");
        }
        Received += end;
        return Received <= maxBytes ? end > 0 : throw new UpstreamAnswerException($"answered with more than {maxBytes / 1024 / 1024} MiB");
    }
}
