using System.Security.Cryptography;
using System.Text;
using I2V.Inference.Tokenizers;

namespace I2V.Tests.Inference.Tokenizers;

public sealed class CanonicalCompositionTests
{
    [Theory]
    [InlineData("plain ASCII, ünd Latin-1", "plain ASCII, ünd Latin-1")]
    [InlineData("e\u0301", "\u00e9")]
    [InlineData("q\u0307\u0323", "q\u0323\u0307")]
    [InlineData("s\u0307\u0323", "\u1e69")]
    [InlineData("a\u0327\u0301\u0301", "\u00e1\u0327\u0301")]
    [InlineData("\u212b", "\u00c5")]
    [InlineData("\u0958", "\u0915\u093c")]
    [InlineData("\u1100\u1161\u11a8", "\uac01")]
    [InlineData("\uac00\u11a8", "\uac01")]
    [InlineData("\uac01\u11a8", "\uac01\u11a8")]
    [InlineData("\U0001D15E", "\U0001D157\U0001D165")]
    [InlineData("\u0301a", "\u0301a")]
    public void Text_is_composed_as_the_standard_says(string text, string composed) => Assert.Equal(composed, CanonicalComposition.Compose(text));

    /// <summary>The hash is of the same strings, composed by another implementation of Unicode 14.</summary>
    [Fact]
    public void Every_code_point_composes_with_marks_before_and_behind_it()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        (int From, int To)[] ranges = [(0, 0xD800), (0xE000, 0x10000), (0x11000, 0x11A00), (0x1D100, 0x1D200), (0x2F800, 0x2FA20)];
        foreach (var point in ranges.SelectMany(range => Enumerable.Range(range.From, range.To - range.From)))
        {
            var text = char.ConvertFromUtf32(point);
            foreach (var sample in (string[])[text, "a\u0323" + text + "\u0301", text + "\u0301\u0323\u1175\u11b8"])
            {
                hash.AppendData(Encoding.UTF8.GetBytes(CanonicalComposition.Compose(sample)));
                hash.AppendData("\n"u8);
            }
        }

        Assert.Equal("de834b27ce922776aa790696b0fd6b45320368bb3b4cecbf15d9898fcd93708a", Convert.ToHexStringLower(hash.GetHashAndReset()));
    }
}
