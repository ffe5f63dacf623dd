using System.Text.Json;
using I2V.Inference.Tokenizers;
using I2V.ModelBuilder.Tokenizers;

namespace I2V.Tests.Parity;

/// <summary>Against the ids that the reference's tokenizer gives: a prompt's whole row, marks and padding included.</summary>
public sealed class TokenizerParityTests
{
    private static readonly ClipTokenizer Tokenizer = new(ClipVocabulary.VocabularyJson(), ClipVocabulary.Merges(), maxLength: 77, pad: "<|endoftext|>");

    public static TheoryData<string> Prompts => [.. Ids.Keys];

    private static Dictionary<string, long[]> Ids { get; } = Fixtures.Json("fixtures/tokenizer.json").EnumerateArray().ToDictionary(
        row => row.GetProperty("prompt").GetString()!, row => row.GetProperty("ids").Deserialize<long[]>()!);

    [Theory]
    [MemberData(nameof(Prompts))]
    public void A_prompt_has_the_reference_s_ids(string prompt) => Assert.Equal(Ids[prompt], Tokenizer.Encode(prompt));

    [Theory]
    [MemberData(nameof(Prompts))]
    public void One_word_more_gives_other_ids(string prompt) => Assert.NotEqual(Ids[prompt], Tokenizer.Encode($"snow {prompt}"));

    [Fact]
    public void The_prompts_are_many_and_of_many_scripts()
    {
        Assert.True(Ids.Count >= 40, $"There are only {Ids.Count} prompts.");
        Assert.All(Ids.Values, row => Assert.Equal(77, row.Length));
        foreach (var part in (string[])["猫", "🐱", "é", "!!!???", "<|endoftext|>"])
        {
            Assert.Contains(Ids.Keys, prompt => prompt.Contains(part, StringComparison.Ordinal));
        }

        var full = Ids.Count(row => row.Value.Count(id => id == 49407) == 1);
        Assert.True(full >= 5, $"Only {full} prompts fill the row or are cut.");
        Measures.Print($"{Ids.Count} prompts, {Ids.Values.Distinct(new Rows()).Count()} different rows, {full} of them full");
    }

    private sealed class Rows : IEqualityComparer<long[]>
    {
        public bool Equals(long[]? x, long[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(long[] obj) => obj.Aggregate(0, HashCode.Combine);
    }
}
