using System.Text;

namespace I2V.Inference.Tokenizers;

/// <summary>
/// Byte-pair encoding over UTF-8 bytes: a word starts as one token a byte, the last of them marked as the word's end, and
/// the pair that was merged first when the vocabulary was made is merged first, everywhere, until no pair is known.
/// </summary>
internal sealed class BytePairs
{
    /// <summary>What the vocabulary appends to a token that ends a word.</summary>
    public const string WordEnd = "</w>";

    private readonly int[] inside = new int[256];
    private readonly int[] ending = new int[256];
    private readonly Dictionary<(int Left, int Right), (int Rank, int Id)> merges;

    /// <param name="vocabulary">Token → id.</param>
    /// <param name="pairs">Tokens that are merged, the first of them first.</param>
    /// <exception cref="FormatException">A token that is needed is not in the vocabulary.</exception>
    public BytePairs(IReadOnlyDictionary<string, int> vocabulary, IReadOnlyList<(string Left, string Right)> pairs)
    {
        for (var value = 0; value < 256; value++)
        {
            inside[value] = Id(vocabulary, Character((byte)value).ToString());
            ending[value] = Id(vocabulary, Character((byte)value) + WordEnd);
        }

        merges = new Dictionary<(int, int), (int, int)>(pairs.Count);
        for (var rank = 0; rank < pairs.Count; rank++)
        {
            var (left, right) = pairs[rank];
            merges.TryAdd((Id(vocabulary, left), Id(vocabulary, right)), (rank, Id(vocabulary, left + right)));
        }
    }

    /// <summary>The visible character that stands for a byte in vocabularies: itself where it is printable in Latin-1, else one from U+0100 on.</summary>
    public static char Character(byte value) => Stand.Characters[value];

    /// <summary>Appends the word's tokens.</summary>
    public void Encode(string word, List<long> ids)
    {
        var bytes = Encoding.UTF8.GetBytes(word);
        var tokens = Array.ConvertAll(bytes, value => inside[value]);
        tokens[^1] = ending[bytes[^1]];
        var ranks = new int[tokens.Length];
        for (var i = 0; i < tokens.Length; i++)
        {
            ranks[i] = Rank(tokens.AsSpan(0, tokens.Length), i);
        }

        var count = tokens.Length;
        for (var best = Lowest(ranks.AsSpan(0, count)); best != int.MaxValue; best = Lowest(ranks.AsSpan(0, count)))
        {
            count = Merge(tokens.AsSpan(0, count), ranks, best);
        }

        for (var i = 0; i < count; i++)
        {
            ids.Add(tokens[i]);
        }
    }

    /// <summary>Merges every pair of a rank, from the left; returns how many tokens are left.</summary>
    private int Merge(Span<int> tokens, Span<int> ranks, int rank)
    {
        const int Stale = -1;
        var length = 0;
        for (var read = 0; read < tokens.Length; read++, length++)
        {
            if (ranks[read] != rank)
            {
                (tokens[length], ranks[length]) = (tokens[read], ranks[read]);
                continue;
            }

            tokens[length] = merges[(tokens[read], tokens[read + 1])].Id;
            ranks[length] = Stale;
            ranks[Math.Max(length - 1, 0)] = Stale;
            read++;
        }

        // Only pairs with a new token have a new rank.
        for (var i = 0; i < length; i++)
        {
            ranks[i] = ranks[i] == Stale ? Rank(tokens[..length], i) : ranks[i];
        }

        return length;
    }

    private int Rank(ReadOnlySpan<int> tokens, int left) =>
        left + 1 < tokens.Length && merges.TryGetValue((tokens[left], tokens[left + 1]), out var merge) ? merge.Rank : int.MaxValue;

    private static int Lowest(ReadOnlySpan<int> ranks)
    {
        var lowest = int.MaxValue;
        foreach (var rank in ranks)
        {
            lowest = Math.Min(lowest, rank);
        }

        return lowest;
    }

    private static int Id(IReadOnlyDictionary<string, int> vocabulary, string token) =>
        vocabulary.TryGetValue(token, out var id) ? id : throw new FormatException($"the vocabulary has no token '{token}'");

    private static class Stand
    {
        public static char[] Characters { get; } = Make();

        private static char[] Make()
        {
            var characters = new char[256];
            var next = '\u0100';
            for (var value = 0; value < characters.Length; value++)
            {
                characters[value] = value is (>= '!' and <= '~') or (>= '¡' and <= '¬') or (>= '®' and <= 'ÿ') ? (char)value : next++;
            }

            return characters;
        }
    }
}
