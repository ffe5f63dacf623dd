using System.Text;
using System.Text.Json;
using I2V.Inference.Models;
using I2V.Inference.Pipelines;

namespace I2V.Inference.Tokenizers;

/// <summary>CLIP's tokenizer, with the ids that the reference's fast tokenizer gives: a prompt becomes a row of fixed length.</summary>
internal sealed class ClipTokenizer
{
    private readonly BytePairs pairs;
    private readonly Dictionary<string, int> vocabulary;
    private readonly long pad;

    /// <param name="vocabularyJson">UTF-8 JSON, token → id.</param>
    /// <param name="merges">UTF-8 lines of two tokens with a space between them, the first merge first; lines that start with <c>#version</c> are skipped.</param>
    /// <param name="maxLength">Tokens in a row, both marks included; at least 2.</param>
    /// <param name="pad">The token that fills up the row.</param>
    /// <exception cref="FormatException">The two files do not make a tokenizer; the message says why.</exception>
    public ClipTokenizer(ReadOnlyMemory<byte> vocabularyJson, ReadOnlyMemory<byte> merges, int maxLength, string pad)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxLength, 2);
        MaxLength = maxLength;
        vocabulary = ReadVocabulary(vocabularyJson);
        pairs = new BytePairs(vocabulary, ReadMerges(merges));
        this.pad = Mark(pad);
        _ = (Mark(ClipWords.StartOfText), Mark(ClipWords.EndOfText));
    }

    /// <summary>Tokens in a row.</summary>
    public int MaxLength { get; }

    /// <summary>Reads a package's tokenizer.</summary>
    /// <exception cref="GenerationException">The package has none, or its files are damaged.</exception>
    public static ClipTokenizer Load(ModelPackage package)
    {
        var facts = package.Manifest.Tokenizers?.FirstOrDefault(tokenizer => tokenizer.Kind == "clip")
            ?? throw new GenerationException(GenerationError.ModelLoadFailed, $"The model {package.Manifest.Name} needs a tokenizer of the kind clip; its manifest lists none.");
        try
        {
            return new ClipTokenizer(
                File.ReadAllBytes(Path.Combine(package.Folder, facts.Vocabulary)),
                File.ReadAllBytes(Path.Combine(package.Folder, facts.Merges)),
                facts.MaxLength,
                facts.Pad);
        }
        catch (Exception error) when (error is FormatException or JsonException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new GenerationException(
                GenerationError.ModelLoadFailed, $"The tokenizer in {facts.Vocabulary} and {facts.Merges} cannot be used: {error.Message.TrimEnd('.')}.", error);
        }
    }

    /// <summary>The prompt between its marks, cut to fit, filled up to <see cref="MaxLength"/>.</summary>
    public long[] Encode(string prompt)
    {
        var ids = new List<long> { Mark(ClipWords.StartOfText) };
        foreach (var word in ClipWords.Split(prompt))
        {
            if (word.IsMark)
            {
                ids.Add(Mark(word.Text));
            }
            else
            {
                pairs.Encode(word.Text, ids);
            }

            if (ids.Count >= MaxLength)
            {
                break;
            }
        }

        var row = new long[MaxLength];
        Array.Fill(row, pad);
        var kept = Math.Min(ids.Count, MaxLength - 1);
        ids.CopyTo(0, row, 0, kept);
        row[kept] = Mark(ClipWords.EndOfText);
        return row;
    }

    private int Mark(string token) =>
        vocabulary.TryGetValue(token, out var id) ? id : throw new FormatException($"the vocabulary has no token '{token}'");

    private static Dictionary<string, int> ReadVocabulary(ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException("the vocabulary is not a JSON object of tokens and ids");
        }

        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var entry in document.RootElement.EnumerateObject())
        {
            vocabulary[entry.Name] = entry.Value.ValueKind == JsonValueKind.Number && entry.Value.TryGetInt32(out var id) && id >= 0
                ? id
                : throw new FormatException($"the vocabulary's id of '{entry.Name}' is not a whole number");
        }

        return vocabulary;
    }

    private static List<(string Left, string Right)> ReadMerges(ReadOnlyMemory<byte> lines)
    {
        var merges = new List<(string, string)>();
        foreach (var line in Encoding.UTF8.GetString(lines.Span).Split('\n'))
        {
            var pair = line.TrimEnd('\r');
            if (pair.Length == 0 || pair.StartsWith("#version", StringComparison.Ordinal))
            {
                continue;
            }

            merges.Add(pair.Split(' ') is [{ Length: > 0 } left, { Length: > 0 } right]
                ? (left, right)
                : throw new FormatException($"the merge '{pair}' is not two tokens"));
        }

        return merges;
    }
}
