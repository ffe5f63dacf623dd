using System.Security.Cryptography;
using I2V.Inference.Imaging;
using I2V.Media;

namespace I2V.Tests.Inference.Imaging;

/// <summary>The hashes are of what Pillow makes of the same pictures.</summary>
public sealed class PictureResamplerTests
{
    [Theory]
    [InlineData(97, 61, 40, 23, nameof(ResampleFilter.Box), "6dcb82022e06045c")]
    [InlineData(97, 61, 40, 23, nameof(ResampleFilter.Bilinear), "87181bbae9253709")]
    [InlineData(97, 61, 40, 23, nameof(ResampleFilter.Bicubic), "0994f465dbc8315f")]
    [InlineData(97, 61, 40, 23, nameof(ResampleFilter.Lanczos), "b4da1e0d7e0ea14e")]
    [InlineData(64, 48, 64, 48, nameof(ResampleFilter.Box), "9e3be549bcbe9ad9")]
    [InlineData(64, 48, 64, 48, nameof(ResampleFilter.Bilinear), "9e3be549bcbe9ad9")]
    [InlineData(64, 48, 64, 48, nameof(ResampleFilter.Bicubic), "9e3be549bcbe9ad9")]
    [InlineData(64, 48, 64, 48, nameof(ResampleFilter.Lanczos), "9e3be549bcbe9ad9")]
    [InlineData(31, 17, 128, 96, nameof(ResampleFilter.Box), "dfaeec79d0fa801b")]
    [InlineData(31, 17, 128, 96, nameof(ResampleFilter.Bilinear), "d3266fadf6db2f0c")]
    [InlineData(31, 17, 128, 96, nameof(ResampleFilter.Bicubic), "3afda45c55d623b4")]
    [InlineData(31, 17, 128, 96, nameof(ResampleFilter.Lanczos), "b1a221e1894144fb")]
    [InlineData(200, 3, 7, 90, nameof(ResampleFilter.Box), "04b8b72867e13f19")]
    [InlineData(200, 3, 7, 90, nameof(ResampleFilter.Bilinear), "81be6d635c2592a3")]
    [InlineData(200, 3, 7, 90, nameof(ResampleFilter.Bicubic), "b3b736164e8b8e66")]
    [InlineData(200, 3, 7, 90, nameof(ResampleFilter.Lanczos), "eb7f824517df5c80")]
    [InlineData(300, 200, 224, 224, nameof(ResampleFilter.Box), "4eaef7219890112d")]
    [InlineData(300, 200, 224, 224, nameof(ResampleFilter.Bilinear), "3162d140f37f5dd2")]
    [InlineData(300, 200, 224, 224, nameof(ResampleFilter.Bicubic), "36ae4b2579762f46")]
    [InlineData(300, 200, 224, 224, nameof(ResampleFilter.Lanczos), "87b3996dfb8e20a3")]
    [InlineData(50, 50, 50, 9, nameof(ResampleFilter.Box), "a353ef4ba209770f")]
    [InlineData(50, 50, 50, 9, nameof(ResampleFilter.Bilinear), "f6e83086ffcba579")]
    [InlineData(50, 50, 50, 9, nameof(ResampleFilter.Bicubic), "cab47b1eb3be21e5")]
    [InlineData(50, 50, 50, 9, nameof(ResampleFilter.Lanczos), "230171f6d263aeb9")]
    public void A_resized_picture_is_pillows_to_the_bit(int width, int height, int newWidth, int newHeight, string filter, string sha256)
    {
        var resized = PictureResampler.Resize(PhotoSamples.Noise(width, height), newWidth, newHeight, Enum.Parse<ResampleFilter>(filter));

        Assert.Equal((newWidth, newHeight), (resized.Width, resized.Height));
        Assert.Equal(sha256, Hash(resized));
    }

    [Theory]
    [InlineData(640, 480, 320, 176, false, "9dceb0ed10b9d842")]
    [InlineData(1000, 700, 192, 192, true, "a3bf83bb1ce1fd9d")]
    [InlineData(90, 57, 64, 128, false, "99af9a97e215b252")]
    [InlineData(271, 149, 192, 192, false, "091d18fd0e633f81")]
    [InlineData(199, 100, 320, 192, true, "311be35bcafbe782")]
    [InlineData(234, 100, 320, 192, true, "ca6bcad814fa49cc")]
    [InlineData(276, 230, 320, 192, true, "b125434b9520984f")]
    [InlineData(318, 230, 320, 192, true, "26b435fc345cc955")]
    [InlineData(367, 100, 320, 192, true, "2b04c085dc53598b")]
    public void The_exact_crop_is_the_reference_s_with_its_black_edge(int width, int height, int cropWidth, int cropHeight, bool isShort, string sha256)
    {
        var picture = PhotoSamples.Noise(width, height);

        var exact = CenterCrop.Wide(picture, cropWidth, cropHeight, ImageFit.Exact);
        var clamped = CenterCrop.Wide(picture, cropWidth, cropHeight, ImageFit.Clamp);

        Assert.Equal(sha256, Hash(exact));
        Assert.Equal(isShort, HasBlackEdge(exact));
        Assert.False(HasBlackEdge(clamped));
        Assert.Equal(!isShort, exact.Pixels.AsSpan().SequenceEqual(clamped.Pixels));
    }

    [Fact]
    public void A_window_is_the_same_part_of_the_whole_and_black_beyond()
    {
        var picture = PhotoSamples.Noise(60, 40);
        var whole = PictureResampler.Resize(picture, 33, 29, ResampleFilter.Bicubic);

        var part = PictureResampler.Resize(picture, 33, 29, ResampleFilter.Bicubic, new PictureWindow(-2, 20, 20, 12));

        for (var y = 0; y < part.Height; y++)
        {
            for (var x = 0; x < part.Width; x++)
            {
                var expected = x < 2 || y + 20 >= 29 ? 0 : whole.At(x - 2, y + 20, 1);
                Assert.Equal(expected, part.At(x, y, 1));
            }
        }
    }

    [Fact]
    public void A_line_of_pixels_fills_a_film_without_the_giant_picture_in_between()
    {
        var before = GC.GetAllocatedBytesForCurrentThread();

        var film = CenterCrop.Wide(PhotoSamples.Noise(30_000, 1), 1280, 704, ImageFit.Clamp);

        Assert.Equal((1280, 704), (film.Width, film.Height));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 20_000_000);
    }

    [Theory]
    [InlineData(1.0, 0.1, 9)]
    [InlineData(100, 0.3125, 320)]
    [InlineData(230, 1.1979166666666667, 191)]
    [InlineData(276, 0.8625, 319)]
    public void The_floor_quotient_is_pythons(double a, double b, double quotient) => Assert.Equal(quotient, CenterCrop.FloorQuotient(a, b));

    private static string Hash(RgbImage image) => Convert.ToHexStringLower(SHA256.HashData(image.Pixels))[..16];

    private static bool HasBlackEdge(RgbImage image) =>
        Enumerable.Range(0, image.Height).All(y => image.At(0, y, 0) + image.At(0, y, 1) + image.At(0, y, 2) == 0)
        || Enumerable.Range(0, image.Width).All(x => image.At(x, 0, 0) + image.At(x, 0, 1) + image.At(x, 0, 2) == 0);
}
