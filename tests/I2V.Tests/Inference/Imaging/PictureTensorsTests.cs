using I2V.Inference.Imaging;
using I2V.Inference.Models;
using I2V.Media;

namespace I2V.Tests.Inference.Imaging;

public sealed class PictureTensorsTests
{
    private static readonly ImageEncoderFacts Facts = new(4, [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]);

    [Fact]
    public void The_autoencoder_gets_planes_from_minus_one_to_one()
    {
        var planes = PictureTensors.ForAutoencoder(new RgbImage(2, 1, [0, 51, 255, 255, 102, 0]));

        Assert.Equal([-1f, 1f, -0.6f, -0.2f, 1f, -1f], planes, (a, b) => Math.Abs(a - b) < 1e-6);
    }

    [Fact]
    public void The_image_encoder_gets_its_size_its_mean_and_its_deviation()
    {
        var planes = PictureTensors.ForImageEncoder(PhotoSamples.Paint(8, 8, (_, _) => (255, 0, 51)), Facts);

        Assert.Equal(3 * 4 * 4, planes.Length);
        Assert.All(planes[..16], value => Assert.Equal(1.9303361, value, 1e-5));
        Assert.All(planes[16..32], value => Assert.Equal(-1.7520971, value, 1e-5));
        Assert.All(planes[32..], value => Assert.Equal(-0.7550026, value, 1e-5));
    }

    [Fact]
    public void A_frame_is_cut_to_bytes_and_halves_go_to_even()
    {
        static float At(float level) => ((level / 255f) - 0.5f) * 2;
        float[] planes = [-3, At(1.6f), -0.4f, At(100.2f), 1, 7, At(2.4f), At(254.6f), 0, -1, At(77), At(128)];

        var image = PictureTensors.ToImage(planes, 2, 2);

        Assert.Equal([0, 255, 128, 2, 255, 0, 76, 2, 77, 100, 255, 128], image.Pixels);
    }

    [Fact]
    public void Every_level_survives_the_way_to_the_autoencoder_and_back()
    {
        var levels = PhotoSamples.Paint(256, 1, (x, _) => ((byte)x, (byte)(255 - x), 7));

        Assert.Equal(levels.Pixels, PictureTensors.ToImage(PictureTensors.ForAutoencoder(levels), 256, 1).Pixels);
    }
}
