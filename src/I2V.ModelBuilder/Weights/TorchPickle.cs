using System.Buffers.Binary;
using System.Text;

namespace I2V.ModelBuilder.Weights;

/// <summary>
/// Reads the pickle of a torch archive: the opcodes that torch writes for a dictionary of tensors, and nothing else.
/// Nothing is ever called: a name or call that <see cref="TorchObjects"/> does not know ends the reading.
/// </summary>
internal ref struct TorchPickle
{
    private static readonly object Mark = new();

    private readonly List<object?> stack = [];
    private readonly Dictionary<long, object?> memo = [];
    private ReadOnlySpan<byte> rest;

    private TorchPickle(ReadOnlySpan<byte> bytes) => rest = bytes;

    /// <summary>The object that the pickle holds: dictionaries, lists, tuples (arrays), numbers, strings and what <see cref="TorchObjects"/> makes.</summary>
    /// <exception cref="InvalidDataException">It is broken, or holds something else.</exception>
    public static object? Read(ReadOnlySpan<byte> bytes)
    {
        var pickle = new TorchPickle(bytes);
        try
        {
            while (pickle.Step())
            {
            }

            return pickle.Pop();
        }
        catch (Exception error) when (error is ArgumentException or InvalidCastException or NullReferenceException or OverflowException)
        {
            throw new InvalidDataException($"its pickle is broken near byte {bytes.Length - pickle.rest.Length}: {error.Message}", error);
        }
    }

    /// <returns>False at the end of the pickle.</returns>
    private bool Step()
    {
        var code = Take(1)[0];
        switch ((char)code)
        {
            case '.':
                return false;
            case '(':
                stack.Add(Mark);
                break;
            case 'c':
                stack.Add(TorchObjects.Named(Line(), Line()));
                break;
            case '\u0093': // STACK_GLOBAL
                var name = (string)Pop()!;
                stack.Add(TorchObjects.Named((string)Pop()!, name));
                break;
            case 'R':
                var arguments = (object?[])Pop()!;
                stack.Add(TorchObjects.Call(Pop(), arguments));
                break;
            case 'Q':
                stack.Add(TorchObjects.Storage(Pop()));
                break;
            case 'b': // state of an OrderedDict: its _metadata, which says versions of modules
                Pop();
                _ = (Dictionary<object, object?>)Top()!;
                break;
            default:
                if (!Value(code) && !Collection(code) && !Memo(code))
                {
                    throw new InvalidDataException($"its pickle has the opcode 0x{code:X2}, which no dictionary of tensors needs.");
                }

                break;
        }

        return true;
    }

    private bool Value(byte code)
    {
        switch ((char)code)
        {
            case 'N':
                stack.Add(null);
                return true;
            case '\u0088':
                stack.Add(true);
                return true;
            case '\u0089':
                stack.Add(false);
                return true;
            case 'K':
                stack.Add((long)Take(1)[0]);
                return true;
            case 'M':
                stack.Add((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2)));
                return true;
            case 'J':
                stack.Add((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4)));
                return true;
            case '\u008a': // LONG1
                stack.Add(Long(Take(Take(1)[0])));
                return true;
            case 'G':
                stack.Add(BinaryPrimitives.ReadDoubleBigEndian(Take(8)));
                return true;
            case 'X':
                stack.Add(Encoding.UTF8.GetString(Take(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))));
                return true;
            case '\u008c': // SHORT_BINUNICODE
                stack.Add(Encoding.UTF8.GetString(Take(Take(1)[0])));
                return true;
            default:
                return false;
        }
    }

    private bool Collection(byte code)
    {
        switch ((char)code)
        {
            case '}':
                stack.Add(new Dictionary<object, object?>());
                return true;
            case ']':
                stack.Add(new List<object?>());
                return true;
            case ')':
                stack.Add(Array.Empty<object?>());
                return true;
            case 't':
                stack.Add(PopToMark());
                return true;
            case '\u0085' or '\u0086' or '\u0087': // TUPLE1 … TUPLE3
                stack.Add(PopMany(code - 0x84));
                return true;
            case 'a':
                SetItems<List<object?>>(PopMany(1), (list, items) => list.AddRange(items));
                return true;
            case 'e':
                SetItems<List<object?>>(PopToMark(), (list, items) => list.AddRange(items));
                return true;
            case 's':
                SetItems<Dictionary<object, object?>>(PopMany(2), AddPairs);
                return true;
            case 'u':
                SetItems<Dictionary<object, object?>>(PopToMark(), AddPairs);
                return true;
            default:
                return false;
        }
    }

    private bool Memo(byte code)
    {
        switch ((char)code)
        {
            case '\u0080': // PROTO
                Take(1);
                return true;
            case '\u0095': // FRAME
                Take(8);
                return true;
            case 'q':
                memo[Take(1)[0]] = Top();
                return true;
            case 'r':
                memo[BinaryPrimitives.ReadUInt32LittleEndian(Take(4))] = Top();
                return true;
            case '\u0094': // MEMOIZE
                memo[memo.Count] = Top();
                return true;
            case 'h':
                stack.Add(Recall(Take(1)[0]));
                return true;
            case 'j':
                stack.Add(Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))));
                return true;
            default:
                return false;
        }
    }

    private readonly object? Recall(long place) =>
        memo.TryGetValue(place, out var value) ? value : throw new InvalidDataException($"its pickle asks for the memo {place}, which it never made.");

    private readonly void SetItems<T>(object?[] items, Action<T, object?[]> add) => add((T)Top()!, items);

    private static void AddPairs(Dictionary<object, object?> into, object?[] pairs)
    {
        if (pairs.Length % 2 != 0)
        {
            throw new InvalidDataException("its pickle has a key without a value.");
        }

        for (var i = 0; i < pairs.Length; i += 2)
        {
            if (!into.TryAdd(pairs[i]!, pairs[i + 1]))
            {
                throw new InvalidDataException($"its pickle has the key {pairs[i]} twice.");
            }
        }
    }

    /// <summary>Little-endian, two's complement.</summary>
    private static long Long(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > sizeof(long))
        {
            throw new InvalidDataException($"its pickle has a number of {bytes.Length} bytes.");
        }

        long value = bytes.IsEmpty || bytes[^1] < 0x80 ? 0 : -1;
        for (var i = bytes.Length - 1; i >= 0; i--)
        {
            value = (value << 8) | bytes[i];
        }

        return value;
    }

    private object? Pop() => PopMany(1)[0];

    private readonly object? Top() =>
        stack.Count > 0 && stack[^1] != Mark ? stack[^1] : throw new InvalidDataException("its pickle takes more than it has put.");

    private object?[] PopToMark()
    {
        var mark = stack.LastIndexOf(Mark);
        var items = mark < 0 ? throw new InvalidDataException("its pickle ends a list that it never began.") : PopMany(stack.Count - mark - 1);
        stack.RemoveAt(mark);
        return items;
    }

    private readonly object?[] PopMany(int count)
    {
        if (stack.Count < count || stack.IndexOf(Mark, stack.Count - count) >= 0)
        {
            throw new InvalidDataException("its pickle takes more than it has put.");
        }

        var items = stack.GetRange(stack.Count - count, count).ToArray();
        stack.RemoveRange(stack.Count - count, count);
        return items;
    }

    private string Line()
    {
        var end = rest.IndexOf((byte)'\n');
        var line = Encoding.UTF8.GetString(Take(end < 0 ? uint.MaxValue : (uint)end));
        Take(1);
        return line;
    }

    private ReadOnlySpan<byte> Take(uint length)
    {
        if (length > (uint)rest.Length)
        {
            throw new InvalidDataException("its pickle ends in the middle of a value.");
        }

        var taken = rest[..(int)length];
        rest = rest[(int)length..];
        return taken;
    }
}
