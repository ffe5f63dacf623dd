using System.Buffers;
using System.IO.Compression;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace I2V.ModelBuilder.Tokenizers;

/// <summary>
/// CLIP's vocabulary as published by OpenAI, in the two files that checkpoints carry: packages with random weights have no
/// checkpoint to take them from.
/// </summary>
public static class ClipVocabulary
{
    private const string Folder = "I2V.ModelBuilder.Tokenizers.clip.";
    private const string WordEnd = "</w>";
    private const int Tokens = 49152;
    private const int Bytes = 256;
    private const int Marks = 2;

    private static readonly string[] MarkTokens = ["<|startoftext|>", "<|endoftext|>"];

    /// <summary><c>vocab.json</c>: token → id, by ascending id, 49408 entries.</summary>
    public static byte[] VocabularyJson()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            var id = 0;
            foreach (var token in InOrder())
            {
                json.WriteNumber(token, id++);
            }

            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary><c>merges.txt</c>: 48894 pairs, the first merge first, behind a line with the format's version.</summary>
    public static byte[] Merges() => Encoding.UTF8.GetBytes("#version: 0.2\n" + string.Concat(Pairs().Select(pair => pair + "\n")));

    /// <summary>The licence under which the vocabulary is given.</summary>
    public static byte[] License()
    {
        using var stream = Open("LICENSE");
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }

    /// <summary>First the bytes, printable ones first, then the same at a word's end, then what the merges make, then the marks.</summary>
    private static IEnumerable<string> InOrder()
    {
        var bytes = Enumerable.Range(0, Bytes).OrderBy(value => IsPrintable(value) ? 0 : 1).ThenBy(value => value).ToList();
        var stands = bytes.Select((value, place) => (IsPrintable(value) ? (char)value : (char)(Bytes + place - bytes.Count(IsPrintable))).ToString()).ToList();
        return [.. stands, .. stands.Select(stand => stand + WordEnd), .. Pairs().Select(pair => pair.Replace(" ", "", StringComparison.Ordinal)), .. MarkTokens];
    }

    private static bool IsPrintable(int value) => value is (>= 33 and <= 126) or (>= 161 and <= 172) or (>= 174 and <= 255);

    /// <summary>The file holds more merges than the model has tokens for; its first line is a version.</summary>
    private static List<string> Pairs()
    {
        using var packed = Open("bpe_simple_vocab_16e6.txt.gz");
        using var lines = new StreamReader(new GZipStream(packed, CompressionMode.Decompress), Encoding.UTF8);
        _ = lines.ReadLine();
        return [.. Enumerable.Range(0, Tokens - Bytes - Marks).Select(_ => lines.ReadLine() ?? throw new InvalidDataException("The vocabulary of CLIP ends too early."))];
    }

    private static Stream Open(string name) => typeof(ClipVocabulary).Assembly.GetManifestResourceStream(Folder + name)!;
}
