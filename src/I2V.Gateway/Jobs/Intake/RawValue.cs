using System.Text;

namespace I2V.Gateway.Jobs.Intake;

/// <summary>A value as it came, JSON or form, with the JSON pointer that an error names.</summary>
internal abstract record RawValue(string Pointer)
{
    /// <summary>What a person would call it, for messages.</summary>
    public abstract string Kind { get; }

    /// <summary>Pointer of a member, escaped as RFC 6901 asks.</summary>
    public static string Child(string pointer, string name) =>
        $"{pointer}/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";
}

internal sealed record RawObject(string Pointer) : RawValue(Pointer)
{
    public override string Kind => "an object";

    public Dictionary<string, RawValue> Members { get; } = new(StringComparer.Ordinal);
}

internal sealed record RawArray(string Pointer, IReadOnlyList<RawValue> Items) : RawValue(Pointer)
{
    public override string Kind => "a list";
}

/// <summary>Text that is known to be valid UTF-8 without U+0000; kept as bytes, since a data URL may be 28 MB long.</summary>
/// <param name="Pointer">Where it stands.</param>
/// <param name="Utf8">The text.</param>
/// <param name="FromForm">True for a form's field, which has no other way to carry a number.</param>
internal sealed record RawText(string Pointer, ReadOnlyMemory<byte> Utf8, bool FromForm = false) : RawValue(Pointer)
{
    public override string Kind => "a text";

    public string Text => Encoding.UTF8.GetString(Utf8.Span);
}

/// <summary>A number as it was written, so that no digit is lost before it is judged.</summary>
internal sealed record RawNumber(string Pointer, string Literal) : RawValue(Pointer)
{
    public override string Kind => "a number";
}

internal sealed record RawBoolean(string Pointer, bool Value) : RawValue(Pointer)
{
    public override string Kind => "true or false";
}

internal sealed record RawNull(string Pointer) : RawValue(Pointer)
{
    public override string Kind => "null";
}
