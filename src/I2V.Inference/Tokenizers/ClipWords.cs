using System.Globalization;
using System.Text;

namespace I2V.Inference.Tokenizers;

/// <summary>A piece of text that is tokenised on its own.</summary>
/// <param name="Text">Composed and lower-cased.</param>
/// <param name="IsMark">True for the marks of start and end, which are tokens themselves.</param>
internal readonly record struct ClipWord(string Text, bool IsMark);

/// <summary>
/// Cuts a prompt into words as CLIP's tokenizer does: runs of letters, single digits, runs of everything else, and the
/// endings of English contractions; whitespace only separates. It works on code points: an emoji is one, not two halves.
/// </summary>
internal static class ClipWords
{
    public const string StartOfText = "<|startoftext|>";
    public const string EndOfText = "<|endoftext|>";

    private static readonly string[] Marks = [StartOfText, EndOfText];
    private static readonly string[] Contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

    private enum Kind
    {
        Space,
        Letter,
        Number,
        Other,
    }

    public static IEnumerable<ClipWord> Split(string prompt)
    {
        // Marks are found in the text as it was given: one in capitals is not a mark, although it becomes the same text.
        for (var at = 0; at < prompt.Length;)
        {
            var (next, mark) = NextMark(prompt, at);
            foreach (var word in Words(Lower(CanonicalComposition.Compose(prompt[at..next]))))
            {
                yield return new ClipWord(word, IsMark: false);
            }

            at = next;
            if (mark is not null)
            {
                yield return new ClipWord(mark, IsMark: true);
                at += mark.Length;
            }
        }
    }

    private static IEnumerable<string> Words(string text)
    {
        for (var at = 0; at < text.Length;)
        {
            var length = WordLength(text.AsSpan(at));
            if (length > 0)
            {
                yield return text.Substring(at, length);
            }

            at += Math.Max(length, 1); // all whitespace is one unit long
        }
    }

    private static (int Index, string? Mark) NextMark(string text, int from)
    {
        (int Index, string? Mark) found = (text.Length, null);
        foreach (var mark in Marks)
        {
            var index = text.IndexOf(mark, from, StringComparison.Ordinal);
            if (index >= 0 && index < found.Index)
            {
                found = (index, mark);
            }
        }

        return found;
    }

    /// <summary>Length of the word at the beginning; 0 at whitespace.</summary>
    private static int WordLength(ReadOnlySpan<char> text)
    {
        foreach (var contraction in Contractions)
        {
            if (text.StartsWith(contraction, StringComparison.Ordinal))
            {
                return contraction.Length;
            }
        }

        var length = 0;
        var kind = Kind.Space;
        foreach (var rune in text.EnumerateRunes())
        {
            var own = KindOf(rune);
            if (length == 0)
            {
                kind = own;
            }

            if (own != kind || own == Kind.Space)
            {
                break;
            }

            length += rune.Utf16SequenceLength;
            if (kind == Kind.Number)
            {
                break;
            }
        }

        return length;
    }

    private static Kind KindOf(Rune rune) =>
        Rune.IsLetter(rune) ? Kind.Letter
        : Rune.IsNumber(rune) ? Kind.Number
        : Rune.IsWhiteSpace(rune) ? Kind.Space
        : Kind.Other;

    /// <summary>Lower case without regard to language or neighbours. Of all letters only İ becomes two code points, which .NET leaves alone.</summary>
    private static string Lower(string text)
    {
        var lower = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            _ = rune.Value == 'İ' ? lower.Append("i\u0307") : lower.Append(Rune.ToLower(rune, CultureInfo.InvariantCulture));
        }

        return lower.ToString();
    }
}
