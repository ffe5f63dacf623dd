using System.Globalization;

namespace I2V.Inference.Models;

/// <summary>
/// Sizes that depend on the request, as text: <c>b*f, h/2*w/2, 320</c>. Entries are separated by commas; an entry is a
/// product of numbers and names, each name perhaps divided by a number, which must leave no remainder.
/// </summary>
public sealed class SizeFormula
{
    private readonly Term[][] entries;

    private SizeFormula(string text, Term[][] entries) => (Text, this.entries) = (text, entries);

    public string Text { get; }

    /// <summary>Number of entries.</summary>
    public int Count => entries.Length;

    /// <exception cref="FormatException">The text is not a formula.</exception>
    public static SizeFormula Parse(string text) =>
        new(text, Array.ConvertAll(text.Split(','), entry => Array.ConvertAll(entry.Split('*'), part => Term.Parse(part.Trim(), text))));

    /// <exception cref="ArgumentException">A name has no value, or a division leaves a remainder.</exception>
    public long[] Evaluate(IReadOnlyDictionary<string, long> sizes) =>
        Array.ConvertAll(entries, entry => entry.Aggregate(1L, (product, term) => checked(product * term.Value(sizes, Text))));

    public override string ToString() => Text;

    private readonly record struct Term(string? Name, long Number)
    {
        public static Term Parse(string part, string text)
        {
            var slash = part.IndexOf('/', StringComparison.Ordinal);
            var name = slash < 0 ? part : part[..slash];
            if (slash < 0 && TryNumber(part, out var factor))
            {
                return new Term(null, factor);
            }

            return name.Length > 0 && char.IsAsciiLetter(name[0]) && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_')
                && TryNumber(slash < 0 ? "1" : part[(slash + 1)..], out var divisor) && divisor > 0
                ? new Term(name, divisor)
                : throw new FormatException($"'{part}' in the formula '{text}' is neither a number nor a name nor a name/number.");
        }

        public long Value(IReadOnlyDictionary<string, long> sizes, string text)
        {
            if (Name is null)
            {
                return Number;
            }

            if (!sizes.TryGetValue(Name, out var size))
            {
                throw new ArgumentException($"The formula '{text}' needs a size named {Name}.", nameof(sizes));
            }

            return size % Number == 0
                ? size / Number
                : throw new ArgumentException($"The formula '{text}' needs {Name} to be a multiple of {Number}, but it is {size}.", nameof(sizes));
        }

        private static bool TryNumber(string text, out long number) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}
