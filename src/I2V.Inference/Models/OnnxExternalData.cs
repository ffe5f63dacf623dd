using System.Globalization;
using System.Text;

namespace I2V.Inference.Models;

/// <summary>A tensor's data in a file outside the graph.</summary>
/// <param name="Tensor">Its name; empty when it has none.</param>
/// <param name="Location">As the graph writes it.</param>
/// <param name="Offset">Bytes before it.</param>
/// <param name="Length">Its bytes; 0 when the graph leaves that to the tensor's shape.</param>
internal sealed record ExternalPart(string Tensor, string Location, ulong Offset, ulong Length);

/// <summary>Finds the weight files that an ONNX model refers to, in any of its tensors: the runtime would open them.</summary>
internal static class OnnxExternalData
{
    private const int MaxDepth = 64;
    private const int TensorName = 8;
    private const int TensorExternalData = 13;

    // For each message of onnx.proto the fields that can hold a tensor, and what they are.
    private static readonly Dictionary<Message, Dictionary<int, Message>> Children = new()
    {
        [Message.Model] = new() { [7] = Message.Graph, [20] = Message.Training, [25] = Message.Function },
        [Message.Training] = new() { [1] = Message.Graph, [2] = Message.Graph },
        [Message.Function] = new() { [7] = Message.Node, [11] = Message.Attribute },
        [Message.Graph] = new() { [1] = Message.Node, [5] = Message.Tensor, [15] = Message.SparseTensor },
        [Message.Node] = new() { [5] = Message.Attribute },
        [Message.Attribute] = new()
        {
            [5] = Message.Tensor,
            [10] = Message.Tensor,
            [6] = Message.Graph,
            [11] = Message.Graph,
            [22] = Message.SparseTensor,
            [23] = Message.SparseTensor,
        },
        [Message.SparseTensor] = new() { [1] = Message.Tensor, [2] = Message.Tensor },
        [Message.Tensor] = [],
    };

    private enum Message
    {
        Model,
        Training,
        Function,
        Graph,
        Node,
        Attribute,
        SparseTensor,
        Tensor,
    }

    /// <exception cref="InvalidDataException">Not a protobuf message, or a place in a file that is no place.</exception>
    public static IReadOnlyList<ExternalPart> Read(ReadOnlySpan<byte> model)
    {
        var found = new List<ExternalPart>();
        Walk(model, Message.Model, found, depth: 0);
        return found;
    }

    private static void Walk(ReadOnlySpan<byte> bytes, Message message, List<ExternalPart> found, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new InvalidDataException("its graphs are nested too deeply.");
        }

        var name = "";
        Dictionary<string, string>? entries = null;
        while (!bytes.IsEmpty)
        {
            var tag = Varint(ref bytes);
            var field = (int)(tag >> 3);
            var content = Field(ref bytes, (int)(tag & 7));
            if (message == Message.Tensor && field == TensorName)
            {
                name = Encoding.UTF8.GetString(content);
            }
            else if (message == Message.Tensor && field == TensorExternalData)
            {
                AddEntry(entries ??= [], content);
            }
            else if (Children[message].TryGetValue(field, out var child))
            {
                Walk(content, child, found, depth + 1);
            }
        }

        if (entries?.GetValueOrDefault("location") is { } location)
        {
            found.Add(new ExternalPart(name, location, Number(entries, "offset"), Number(entries, "length")));
        }
    }

    private static void AddEntry(Dictionary<string, string> entries, ReadOnlySpan<byte> bytes)
    {
        string key = "", value = "";
        while (!bytes.IsEmpty)
        {
            var tag = Varint(ref bytes);
            var content = Field(ref bytes, (int)(tag & 7));
            (key, value) = (tag >> 3) switch { 1 => (Encoding.UTF8.GetString(content), value), 2 => (key, Encoding.UTF8.GetString(content)), _ => (key, value) };
        }

        // Which of two the runtime would take is its own business.
        if (!entries.TryAdd(key, value))
        {
            throw new InvalidDataException($"one of its weights has two values for {key}.");
        }
    }

    private static ulong Number(Dictionary<string, string> entries, string key) =>
        !entries.TryGetValue(key, out var text) ? 0
        : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
        : throw new InvalidDataException($"one of its weights has the {key} {text}, which is no number of bytes.");

    /// <summary>The field's content when it is length-delimited, else nothing; moves behind it.</summary>
    private static ReadOnlySpan<byte> Field(ref ReadOnlySpan<byte> bytes, int wireType)
    {
        switch (wireType)
        {
            case 0:
                Varint(ref bytes);
                return [];
            case 1:
                Take(ref bytes, sizeof(ulong));
                return [];
            case 2:
                return Take(ref bytes, Varint(ref bytes));
            case 5:
                Take(ref bytes, sizeof(uint));
                return [];
            default:
                throw new InvalidDataException($"it has a field of unknown kind {wireType}.");
        }
    }

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> bytes, ulong length)
    {
        if (length > (ulong)bytes.Length)
        {
            throw new InvalidDataException("it ends in the middle of a field.");
        }

        var taken = bytes[..(int)length];
        bytes = bytes[(int)length..];
        return taken;
    }

    private static ulong Varint(ref ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Take(ref bytes, 1)[0];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw new InvalidDataException("it has a number that does not end.");
    }
}
