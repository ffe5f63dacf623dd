using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using I2V.Gateway.Errors;

namespace I2V.Gateway.Jobs.Intake;

/// <summary>
/// Reads a JSON object and says where it is wrong. Stricter than the serializer: names given twice, text that is no Unicode
/// (lone surrogates, bytes that are not UTF-8) and U+0000 are errors with a pointer instead of replaced or kept characters.
/// </summary>
internal static class StrictJson
{
    private const int MaxDepth = 8;

    /// <summary>A request has some thirty values; this bounds the work for one that is hostile.</summary>
    private const int MaxValues = 1_000;

    /// <returns>Null when the bytes are not a JSON object; then <paramref name="errors"/> says why.</returns>
    public static RawObject? Parse(ReadOnlyMemory<byte> json, ErrorList errors, string name = "The body")
    {
        var walk = new Walk(json, errors);
        try
        {
            var reader = new Utf8JsonReader(json.Span, new JsonReaderOptions { MaxDepth = MaxDepth });
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                errors.Add("", $"{name} must be a JSON object.");
                return null;
            }

            var root = walk.ReadObject(ref reader, "");
            reader.Read();
            return root;
        }
        catch (JsonException error)
        {
            errors.Add(walk.Pointer, Describe(json.Span, error, name));
            return null;
        }
    }

    private static string Describe(ReadOnlySpan<byte> json, JsonException error, string name)
    {
        var line = (error.LineNumber ?? 0) + 1;
        var column = (int)(error.BytePositionInLine ?? 0);
        var start = 0;
        for (var i = 1; i < line; i++)
        {
            start += json[start..].IndexOf((byte)'\n') + 1;
        }

        var rest = json[Math.Min(start + column, json.Length)..];
        return rest switch
        {
            [(byte)'N', (byte)'a', (byte)'N', ..] or [(byte)'I', (byte)'n', (byte)'f', ..] => NotFinite,
            _ => string.Create(CultureInfo.InvariantCulture, $"{name} is not valid JSON from line {line}, byte {column + 1} on."),
        };
    }

    private const string NotFinite = "Must be a finite number: JSON has no NaN and no Infinity.";

    private sealed class Walk(ReadOnlyMemory<byte> json, ErrorList errors)
    {
        private int values;

        /// <summary>The member that is being read.</summary>
        public string Pointer { get; private set; } = "";

        public RawObject ReadObject(ref Utf8JsonReader reader, string pointer)
        {
            var result = new RawObject(pointer);
            while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
            {
                var name = ReadText(ref reader, pointer) is { } utf8 ? Encoding.UTF8.GetString(utf8.Span) : null;
                var child = name is null ? pointer : RawValue.Child(pointer, name);
                Pointer = child;
                reader.Read();
                var value = ReadValue(ref reader, child);
                if (name is not null && value is not null && !result.Members.TryAdd(name, value))
                {
                    errors.Add(child, "Given twice; give it once.");
                }
            }

            Pointer = pointer;
            return result;
        }

        private RawArray ReadArray(ref Utf8JsonReader reader, string pointer)
        {
            var items = new List<RawValue>();
            for (var index = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; index++)
            {
                var child = string.Create(CultureInfo.InvariantCulture, $"{pointer}/{index}");
                Pointer = child;
                if (ReadValue(ref reader, child) is { } item)
                {
                    items.Add(item);
                }
            }

            Pointer = pointer;
            return new RawArray(pointer, items);
        }

        private RawValue? ReadValue(ref Utf8JsonReader reader, string pointer)
        {
            if (++values > MaxValues)
            {
                throw new RefusedException(Problems.Invalid("", $"The request has more than {MaxValues} values."));
            }

            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject:
                    return ReadObject(ref reader, pointer);
                case JsonTokenType.StartArray:
                    return ReadArray(ref reader, pointer);
                case JsonTokenType.String:
                    return ReadText(ref reader, pointer) is { } text ? new RawText(pointer, text) : null;
                case JsonTokenType.Number:
                    return new RawNumber(pointer, Encoding.ASCII.GetString(reader.ValueSpan));
                case JsonTokenType.Null:
                    return new RawNull(pointer);
                default:
                    return new RawBoolean(pointer, reader.TokenType == JsonTokenType.True);
            }
        }

        /// <returns>Null when it is not text that can be kept.</returns>
        private ReadOnlyMemory<byte>? ReadText(ref Utf8JsonReader reader, string pointer)
        {
            ReadOnlyMemory<byte> text;
            if (reader.ValueIsEscaped)
            {
                var unescaped = new byte[reader.ValueSpan.Length];
                try
                {
                    text = unescaped.AsMemory(0, reader.CopyString(unescaped));
                }
                catch (InvalidOperationException)
                {
                    errors.Add(pointer, TextRules.NotUnicode);
                    return null;
                }
            }
            else
            {
                text = json.Slice((int)reader.TokenStartIndex + 1, reader.ValueSpan.Length);
            }

            if (TextRules.Check(text.Span) is { } wrong)
            {
                errors.Add(pointer, wrong);
                return null;
            }

            return text;
        }
    }
}

/// <summary>What text must be before anything else looks at it.</summary>
internal static class TextRules
{
    public const string NotUnicode = "Holds bytes or escapes that are no Unicode text (not UTF-8, or half of a surrogate pair). Send valid UTF-8.";

    public const string HasNul = "Holds the character U+0000, which no text may hold. Remove it.";

    /// <returns>Null when it is well; otherwise what is wrong.</returns>
    public static string? Check(ReadOnlySpan<byte> utf8) =>
        !Utf8.IsValid(utf8) ? NotUnicode : utf8.Contains((byte)0) ? HasNul : null;
}
