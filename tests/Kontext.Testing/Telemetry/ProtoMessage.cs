using System.Buffers.Binary;
using System.Text;

namespace Kontext.Testing.Telemetry;

/// <summary>A Protocol Buffers message read field by field, as far as OTLP needs it: numbers, texts and messages within messages.</summary>
internal sealed class ProtoMessage
{
    private readonly List<(int Field, ulong Number, ReadOnlyMemory<byte> Bytes)> fields = [];

    public ProtoMessage(ReadOnlyMemory<byte> wire)
    {
        for (var at = 0; at < wire.Length;)
        {
            var tag = Varint(wire.Span, ref at);
            var field = (int)(tag >> 3);
            switch (tag & 7)
            {
                case 0:
                    fields.Add((field, Varint(wire.Span, ref at), default));
                    break;
                case 1:
                    fields.Add((field, BinaryPrimitives.ReadUInt64LittleEndian(wire.Span[at..]), wire.Slice(at, 8)));
                    at += 8;
                    break;
                case 2:
                    var length = (int)Varint(wire.Span, ref at);
                    fields.Add((field, 0, wire.Slice(at, length)));
                    at += length;
                    break;
                case 5:
                    fields.Add((field, BinaryPrimitives.ReadUInt32LittleEndian(wire.Span[at..]), wire.Slice(at, 4)));
                    at += 4;
                    break;
                default:
                    throw new InvalidDataException($"Wire type {tag & 7} is not one of OTLP's.");
            }
        }
    }

    public IEnumerable<ProtoMessage> Messages(int field) => fields.Where(candidate => candidate.Field == field).Select(candidate => new ProtoMessage(candidate.Bytes));

    public string Text(int field) => Encoding.UTF8.GetString(fields.LastOrDefault(candidate => candidate.Field == field).Bytes.Span);

    public string Hex(int field) => Convert.ToHexStringLower(fields.LastOrDefault(candidate => candidate.Field == field).Bytes.Span);

    public ulong Number(int field) => fields.LastOrDefault(candidate => candidate.Field == field).Number;

    public bool Has(int field) => fields.Exists(candidate => candidate.Field == field);

    private static ulong Varint(ReadOnlySpan<byte> wire, ref int at)
    {
        var value = 0UL;
        for (var shift = 0; ; shift += 7)
        {
            var next = wire[at++];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
                return value;
        }
    }
}
