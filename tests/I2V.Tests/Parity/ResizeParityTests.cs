using System.Security.Cryptography;
using I2V.Inference.Imaging;
using I2V.Media;

namespace I2V.Tests.Parity;

/// <summary>Against the reference's two ways of a picture: cut to the film's shape, and from there to the image encoder's square.</summary>
public sealed class ResizeParityTests
{
    private const int Square = 224;

    private static readonly IReadOnlyDictionary<string, FixtureTensor> Stored = Fixtures.Tensors("resize");
    private static readonly Result[] Results = Fixtures.Read<Result[]>(Fixtures.Json("fixtures/resize.json"));

    public static TheoryData<int, int> Sources => [.. Results.Select(result => (result.Source[0], result.Source[1])).Distinct()];

    [Theory]
    [MemberData(nameof(Sources))]
    public void A_picture_is_cut_and_resized_as_by_the_reference(int width, int height)
    {
        var picture = ReferencePictures.Detailed(width, height);
        foreach (var result in Of(width, height))
        {
            var found = Make(picture, result, ImageFit.Exact);
            var difference = Difference(found, result);
            var identical = Convert.ToHexStringLower(SHA256.HashData(found.Pixels)) == result.Sha256;
            Measures.Print($"{result.Name}: largest difference {difference}/255, identical {identical}");

            // The comparison demands 1/255; to the bit is what resampling in fixed point reaches.
            Assert.True(difference <= 1, $"{result.Name} differs by {difference}/255.");
            Assert.True(identical, $"{result.Name} is not the reference's to the bit.");
        }
    }

    [Theory]
    [MemberData(nameof(Sources))]
    public void Another_picture_differs_by_more_than_ten_times_the_tolerance(int width, int height)
    {
        var picture = ReferencePictures.Detailed(width, height, shift: 1);

        Assert.All(Of(width, height), result => Assert.InRange(Difference(Make(picture, result, ImageFit.Exact), result), 10, 255));
    }

    [Theory]
    [MemberData(nameof(Sources))]
    public void The_reference_s_black_edge_is_only_in_the_exact_fit(int width, int height)
    {
        var picture = ReferencePictures.Detailed(width, height);
        foreach (var result in Of(width, height).Where(result => result.Kind == "crop"))
        {
            var (isNarrow, isLow) = (result.ShortColumns == 1, result.ShortRows == 1);
            var exact = Make(picture, result, ImageFit.Exact);
            var clamped = Make(picture, result, ImageFit.Clamp);

            Assert.Equal(isNarrow, IsBlack(exact, column: 0));
            Assert.Equal(isNarrow, Stored[$"{result.Name}/columns"].Bytes.Take(3 * exact.Height).All(value => value == 0));
            Assert.Equal(isLow, exact.Pixels.Take(3 * exact.Width).All(value => value == 0));
            Assert.DoesNotContain(Enumerable.Range(0, clamped.Width), column => IsBlack(clamped, column));
            Assert.DoesNotContain(clamped.Pixels.Chunk(3 * clamped.Width), row => row.All(value => value == 0));
            Assert.Equal(!isNarrow && !isLow, exact.Pixels.AsSpan().SequenceEqual(clamped.Pixels));
        }
    }

    [Fact]
    public void The_sources_are_many_and_some_leave_a_black_edge()
    {
        var narrow = Results.Count(result => result.Kind == "crop" && result.ShortColumns == 1);
        var atFull = Results.Count(result => result.Kind == "crop" && result.ShortColumns == 1 && result.Target is [1280, 704]);
        Measures.Print($"{Results.Length} results from {Sources.Count} sources; {narrow} are a column short, {atFull} of them at 1280×704");

        Assert.True(Sources.Count >= 12);
        Assert.True(atFull >= 4);
    }

    private static IEnumerable<Result> Of(int width, int height) => Results.Where(result => result.Source[0] == width && result.Source[1] == height);

    private static RgbImage Make(RgbImage picture, Result result, ImageFit fit)
    {
        var cut = CenterCrop.Wide(picture, result.Target[0], result.Target[1], fit);
        return result.Kind == "square" ? PictureResampler.Resize(cut, Square, Square, ResampleFilter.Bilinear) : cut;
    }

    /// <summary>Of all pixels that are stored: every one, or three rows and three columns.</summary>
    private static int Difference(RgbImage found, Result result)
    {
        if (result.Stored == "pixels")
        {
            return Measures.Largest(found.Pixels, Stored[$"{result.Name}/pixels"].Bytes);
        }

        byte[] rows = [.. new[] { 0, found.Height / 2, found.Height - 1 }.SelectMany(y => found.Pixels.Skip(y * 3 * found.Width).Take(3 * found.Width))];
        byte[] columns = [.. new[] { 0, found.Width / 2, found.Width - 1 }.SelectMany(x => Column(found, x))];
        return Math.Max(Measures.Largest(rows, Stored[$"{result.Name}/rows"].Bytes), Measures.Largest(columns, Stored[$"{result.Name}/columns"].Bytes));
    }

    private static IEnumerable<byte> Column(RgbImage image, int x) =>
        Enumerable.Range(0, image.Height).SelectMany(y => new ArraySegment<byte>(image.Pixels, ((y * image.Width) + x) * 3, 3));

    private static bool IsBlack(RgbImage image, int column) => Column(image, column).All(value => value == 0);

    /// <param name="Name">Of its tensors.</param>
    /// <param name="Source">Width and height.</param>
    /// <param name="Target">Width and height of the cut.</param>
    /// <param name="Kind"><c>crop</c>, or <c>square</c>: that, resized for the image encoder.</param>
    /// <param name="Sha256">Of the pixels.</param>
    /// <param name="ShortColumns">1 when the reference leaves one black; negative when it cuts some.</param>
    /// <param name="ShortRows">Likewise.</param>
    /// <param name="Stored"><c>pixels</c> or <c>lines</c>.</param>
    private sealed record Result(string Name, int[] Source, int[] Target, string Kind, string Sha256, int ShortColumns, int ShortRows, string Stored);
}
