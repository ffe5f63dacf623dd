using System.Globalization;
using System.Text;

namespace I2V.Inference.Tokenizers;

/// <summary>
/// Unicode's normalisation form C (UAX 15) from a table of our own: the product runs without ICU, where
/// <see cref="string.Normalize()"/> returns its input unchanged.
/// </summary>
internal static class CanonicalComposition
{
    private const string Resource = "I2V.Inference.Tokenizers.unicode-canonical.txt";

    /// <summary>Nothing below is ever changed by composition.</summary>
    private const char FirstComposable = '\u0300';

    private const int Syllables = 0xAC00;
    private const int Leading = 0x1100;
    private const int Vowels = 0x1161;
    private const int Trailing = 0x11A7;
    private const int LeadingCount = 19;
    private const int VowelCount = 21;
    private const int TrailingCount = 28;
    private const int SyllableCount = LeadingCount * VowelCount * TrailingCount;

    private static readonly Lazy<Table> Canonical = new(Table.Read);

    public static string Compose(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange(FirstComposable, char.MaxValue))
        {
            return text;
        }

        var table = Canonical.Value;
        var points = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            Decompose(table, rune.Value, points);
        }

        Order(table, points);
        Compose(table, points);
        var result = new StringBuilder(points.Count);
        points.ForEach(point => result.Append(new Rune(point)));
        return result.ToString();
    }

    private static void Decompose(Table table, int point, List<int> points)
    {
        var syllable = point - Syllables;
        if (syllable is >= 0 and < SyllableCount)
        {
            points.Add(Leading + (syllable / (VowelCount * TrailingCount)));
            points.Add(Vowels + (syllable / TrailingCount % VowelCount));
            if (syllable % TrailingCount != 0)
            {
                points.Add(Trailing + (syllable % TrailingCount));
            }
        }
        else if (table.Decompositions.TryGetValue(point, out var parts))
        {
            Decompose(table, parts.First, points);
            if (parts.Second != 0)
            {
                Decompose(table, parts.Second, points);
            }
        }
        else
        {
            points.Add(point);
        }
    }

    /// <summary>Sorts each run of combining marks by class; equal classes keep their order.</summary>
    private static void Order(Table table, List<int> points)
    {
        for (var i = 1; i < points.Count; i++)
        {
            var (point, own) = (points[i], table.Class(points[i]));
            var at = i;
            while (own != 0 && at > 0 && table.Class(points[at - 1]) > own)
            {
                points[at] = points[at - 1];
                at--;
            }

            points[at] = point;
        }
    }

    /// <summary>Joins each mark to the last starter, unless a mark of the same or a higher class stands between.</summary>
    private static void Compose(Table table, List<int> points)
    {
        var (starter, length, previous) = (-1, 0, 0);
        for (var i = 0; i < points.Count; i++)
        {
            var own = table.Class(points[i]);
            var reaches = starter >= 0 && (length == starter + 1 || (previous < own && previous != 0));
            if (reaches && Join(table, points[starter], points[i]) is { } joined)
            {
                points[starter] = joined;
                continue;
            }

            if (own == 0)
            {
                starter = length;
            }

            previous = own;
            points[length++] = points[i];
        }

        points.RemoveRange(length, points.Count - length);
    }

    private static int? Join(Table table, int first, int second)
    {
        if (first - Leading is >= 0 and < LeadingCount && second - Vowels is >= 0 and < VowelCount)
        {
            return Syllables + ((((first - Leading) * VowelCount) + second - Vowels) * TrailingCount);
        }

        if (first - Syllables is >= 0 and < SyllableCount && (first - Syllables) % TrailingCount == 0
            && second - Trailing is > 0 and < TrailingCount)
        {
            return first + second - Trailing;
        }

        return table.Compositions.TryGetValue((first, second), out var joined) ? joined : null;
    }

    private sealed class Table
    {
        private readonly Dictionary<int, byte> classes = [];

        public Dictionary<int, (int First, int Second)> Decompositions { get; } = [];

        public Dictionary<(int First, int Second), int> Compositions { get; } = [];

        public int Class(int point) => classes.GetValueOrDefault(point);

        public static Table Read()
        {
            using var stream = typeof(CanonicalComposition).Assembly.GetManifestResourceStream(Resource)!;
            using var lines = new StreamReader(stream);
            var table = new Table();
            while (lines.ReadLine() is { } line)
            {
                if (!line.StartsWith('#'))
                {
                    table.Add(line.Split(' '));
                }
            }

            return table;
        }

        private void Add(string[] fields)
        {
            if (fields.Length == 2)
            {
                var ends = Array.ConvertAll(fields[0].Split('-'), Hex);
                for (var point = ends[0]; point <= ends[^1]; point++)
                {
                    classes[point] = byte.Parse(fields[1], CultureInfo.InvariantCulture);
                }

                return;
            }

            var parts = (Hex(fields[2]), fields.Length > 3 ? Hex(fields[3]) : 0);
            Decompositions[Hex(fields[0])] = parts;
            if (fields[1] == "=")
            {
                Compositions[parts] = Hex(fields[0]);
            }
        }

        private static int Hex(string text) => int.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }
}
