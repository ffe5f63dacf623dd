using System.Security.Cryptography;
using System.Text;
using I2V.Inference.Tokenizers;
using I2V.ModelBuilder.Tokenizers;

namespace I2V.Tests.Inference.Tokenizers;

public sealed class ClipTokenizerTests
{
    private const long End = 49407;

    private static readonly Lazy<ClipTokenizer> Published = new(() =>
        new ClipTokenizer(ClipVocabulary.VocabularyJson(), ClipVocabulary.Merges(), maxLength: 77, pad: "<|endoftext|>"));

    /// <summary>Ids up to the first end, from an independent implementation over the published vocabulary.</summary>
    public static TheoryData<string, string> Vectors => new()
    {
        { "", "" },
        { "a photo of a cat", "320 1125 539 320 2368" },
        { "Papers were floating in the air on a table in the library", "8204 1365 12619 530 518 1922 525 320 2175 530 518 3519" },
        { "Hello, World! It's 2024.", "3306 267 1002 256 585 568 273 271 273 275 269" },
        { "A CAT   on\nthe\tmat", "320 2368 525 518 9063" },
        { "café naïve", "15304 1097 35689 563" },
        { "cafe\u0301 nai\u0308ve", "15304 1097 35689 563" },
        { "3d render, 8k, ultra-detailed!!!", "274 323 13024 267 279 330 267 8118 268 12609 995" },
        { "一只猫", "19759 222 34517 103 163 234 360" },
        { "🐱 cat", "22979 2368" },
        { "don't stop, we'll go", "847 713 1691 267 649 1342 861" },
        {
            "Distorted, discontinuous, Ugly, blurry, low resolution, motionless, static, disfigured, disconnected limbs, Ugly faces, incomplete arms",
            "23781 775 267 1518 17033 267 8159 267 21977 267 1042 9977 267 32139 1285 267 16363 267 1518 15630 267 1518 27506 34886 267 8159 4905 267 34040 5706"
        },
        { "İSTANBUL ΑΣ ẞ", "328 16384 11231 138 109 139 481 127 509" },
        { "Ⅷ ½ ２０２４ x²", "158 227 371 33613 171 120 496 171 120 494 171 120 496 171 120 498 343 41175" },
        { "👩‍👩‍👧‍👦 family", "26304 26304 48938 4244 964 355 1315" },
        { "'tis the artist's 'Really'", "713 533 518 2456 568 982 769 262" },
        { "ไทย ภาษา", "31718 245 33091 1777 254 12330 102 38476" },
        { "a<|endoftext|>b", "320" },
        { "A <|EndOfText|> b <|startoftext |>", "320 27 347 40786 4160 91 285 321 27 347 993 6659 4160 91 285" },
        { "각 한국어 \u1112\u1161\u11ab", "21122 479 15197 250 31871 255 31625 368 15197 506" },
        { "rock'n'roll!!'s \u00a0\u2003\u3000end", "2172 262 333 262 3341 1443 262 338 806" },
        { "żółw — “quoted”…", "129 120 8891 40419 342 2005 728 506 27706 728 251 959" },
        { "hello\ufffd", "3306 39802" },
        { "\u001c\u001fq", "216 475 336" },
    };

    [Theory]
    [MemberData(nameof(Vectors))]
    public void A_prompt_has_the_ids_that_the_reference_gives(string prompt, string ids)
    {
        var row = Published.Value.Encode(prompt);

        Assert.Equal(77, row.Length);
        Assert.Equal(49406, row[0]);
        Assert.Equal(ids, string.Join(' ', row.Skip(1).TakeWhile(id => id != End)));
    }

    [Fact]
    public void Half_a_code_point_counts_as_the_replacement_character() =>
        Assert.Equal(Published.Value.Encode("hello\ufffd"), Published.Value.Encode("hello\ud83d"));

    [Fact]
    public void Thousands_of_jumbled_prompts_have_the_reference_s_ids()
    {
        var pool = Pool();
        var state = 12345u;
        int Next(int below)
        {
            state = ((state * 1103515245) + 12345) & 0x7fffffff;
            return (int)((state >> 8) % (uint)below);
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var i = 0; i < 2000; i++)
        {
            var length = 1 + Next(40);
            var prompt = string.Concat(Enumerable.Range(0, length).Select(_ => char.ConvertFromUtf32(pool[Next(pool.Count)])));
            hash.AppendData(Encoding.ASCII.GetBytes(string.Join(' ', Published.Value.Encode(prompt)) + "\n"));
        }

        Assert.Equal("4764f0093c9d654580fdf2eea39cb7cae882cd212465e59cbb4e199c5755f3b5", Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    [Fact]
    public void A_prompt_that_is_too_long_is_cut_and_still_ends_with_the_mark()
    {
        var row = Published.Value.Encode(string.Concat(Enumerable.Repeat("cat ", 200)));

        Assert.Equal([49406, .. Enumerable.Repeat(2368L, 75), End], row);
    }

    [Fact]
    public void A_very_long_word_is_cut_as_well()
    {
        var row = Published.Value.Encode(new string('猫', 4000));

        Assert.Equal(77, row.Length);
        Assert.Equal(End, row[^1]);
        Assert.DoesNotContain(End, row.Take(76));
    }

    [Fact]
    public void What_is_left_of_the_row_is_filled_up_with_the_pad()
    {
        var other = new ClipTokenizer(ClipVocabulary.VocabularyJson(), ClipVocabulary.Merges(), maxLength: 8, pad: "!");

        Assert.Equal([49406, 2368, End, 0, 0, 0, 0, 0], other.Encode("cat"));
        Assert.Equal(Enumerable.Repeat(End, 75), Published.Value.Encode("cat").Skip(2));
    }

    [Fact]
    public void The_published_vocabulary_has_all_tokens_and_its_licence()
    {
        var json = Encoding.UTF8.GetString(ClipVocabulary.VocabularyJson());
        var merges = Encoding.UTF8.GetString(ClipVocabulary.Merges()).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(48894 + 1, merges.Length);
        Assert.Equal("i n", merges[1]);
        Assert.Contains("\"<|endoftext|>\":49407", json, StringComparison.Ordinal);
        Assert.Contains("\"!</w>\":256", json, StringComparison.Ordinal);
        Assert.Contains("MIT License", Encoding.UTF8.GetString(ClipVocabulary.License()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[]", "a b", "not a JSON object")]
    [InlineData("{\"a\":\"x\"}", "a b", "id of 'a' is not a whole number")]
    [InlineData("{\"a\":1}", "a b", "has no token")]
    public void Files_that_make_no_tokenizer_are_refused_with_the_reason(string vocabulary, string merges, string reason)
    {
        var error = Assert.Throws<FormatException>(() =>
            new ClipTokenizer(Encoding.UTF8.GetBytes(vocabulary), Encoding.UTF8.GetBytes(merges), 77, "<|endoftext|>"));

        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_merge_that_is_not_a_pair_is_refused()
    {
        var error = Assert.Throws<FormatException>(() =>
            new ClipTokenizer(ClipVocabulary.VocabularyJson(), Encoding.UTF8.GetBytes("#version: 0.2\ni n g\n"), 77, "<|endoftext|>"));

        Assert.Contains("'i n g' is not two tokens", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_process_has_no_ICU_to_lean_on() => Assert.Equal("e\u0301", "e\u0301".Normalize(NormalizationForm.FormC));

    private static List<int> Pool()
    {
        static IEnumerable<int> Range(int from, int to) => Enumerable.Range(from, to - from);
        IEnumerable<int> pool =
        [
            .. Range(0x20, 0x250), .. Range(0x300, 0x345), .. Range(0x370, 0x400), .. Range(0x400, 0x450), .. Range(0xac00, 0xac40),
            .. Range(0x4e00, 0x4e40), .. Range(0x1f600, 0x1f640), 0x2003, 0x3000, 0x200d, 0x130, 0x1e9e, 0x2160, 0x661,
        ];
        return [.. pool, .. Enumerable.Repeat("'''''sstdm   ", 20).SelectMany(text => text).Select(c => (int)c)];
    }
}
