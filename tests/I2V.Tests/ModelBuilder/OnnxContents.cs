using System.Text;

namespace I2V.Tests.ModelBuilder;

/// <summary>Operators and constants of an ONNX model's main graph, read from its file.</summary>
internal sealed class OnnxContents
{
    private OnnxContents()
    {
    }

    /// <summary>Types of the operators, each as often as it is there.</summary>
    public List<string> Operators { get; } = [];

    /// <summary>Element types (ONNX's numbers) of the constants, each with its bytes where they are inside of the file.</summary>
    public List<(long Type, int Bytes)> Constants { get; } = [];

    public static OnnxContents Read(string path)
    {
        var contents = new OnnxContents();
        foreach (var (_, _, graph) in Fields(File.ReadAllBytes(path)).Where(field => field.Number == 7))
        {
            foreach (var (number, _, content) in Fields(graph))
            {
                if (number == 1)
                {
                    contents.Operators.Add(Encoding.UTF8.GetString(Fields(content).First(field => field.Number == 4).Content.Span));
                }
                else if (number == 5)
                {
                    var fields = Fields(content);
                    contents.Constants.Add(((long)fields.First(field => field.Number == 2).Value, fields.FirstOrDefault(field => field.Number == 9).Content.Length));
                }
            }
        }

        return contents;
    }

    private static List<(int Number, ulong Value, ReadOnlyMemory<byte> Content)> Fields(ReadOnlyMemory<byte> message)
    {
        var fields = new List<(int, ulong, ReadOnlyMemory<byte>)>();
        var at = 0;
        while (at < message.Length)
        {
            var tag = Varint(message.Span, ref at);
            var (number, kind) = ((int)(tag >> 3), (int)(tag & 7));
            var value = kind is 0 or 2 ? Varint(message.Span, ref at) : 0;
            var length = kind switch { 0 => 0, 1 => 8, 2 => (int)value, 5 => 4, _ => throw new InvalidDataException($"Field {number} is of kind {kind}.") };
            fields.Add((number, value, message.Slice(at, length)));
            at += length;
        }

        return fields;
    }

    private static ulong Varint(ReadOnlySpan<byte> bytes, ref int at)
    {
        var value = 0UL;
        for (var shift = 0; ; shift += 7)
        {
            var next = bytes[at++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }
}
