using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;

namespace I2V.Tests.Inference.Pipelines;

/// <summary>How far techniques that change the film change it, with the tiny package's random weights.</summary>
public sealed class I2VGenXlInexactTests(TinyI2VGenXl tiny, LoadedI2VGenXl plain) : IClassFixture<LoadedI2VGenXl>
{
    /// <summary>Latent pixels of a small tile: the small picture has four of them.</summary>
    private const int Tile = 32;

    private const int Side = 56;

    private static GenerationRequest Request => TinyI2VGenXl.Request;

    [Fact]
    public async Task A_smooth_picture_decoded_in_tiles_is_the_untiled_one_to_40_dB_and_has_no_seam()
    {
        var package = await tiny.PackageAsync();
        using var network = Network.Load(package, "vae_decoder", new DeviceOptions());
        var decoder = new I2VGenXlDecoder(package.Manifest.Latent!, new Tiling(Tile));
        var shape = new FilmShape(Halves: 1, Channels: 4, Frames: 1, Side, Side);
        var latents = Smooth(4, Side, 0.18215f);

        var whole = decoder.Planes(network, latents, shape, 0, 1, tiled: false, TestContext.Current.CancellationToken);
        var tiled = decoder.Planes(network, latents, shape, 0, 1, tiled: true, TestContext.Current.CancellationToken);

        var psnr = Films.Psnr(whole, tiled, range: 2);
        TestContext.Current.TestOutputHelper!.WriteLine($"decode: {psnr:0.0} dB, jump {Jump(tiled, Side * 8, 24 * 8):0.0000} against {Jump(whole, Side * 8, 24 * 8):0.0000}");
        Assert.NotEqual(whole, tiled);
        Assert.True(psnr >= 40, $"{psnr} dB");
        Assert.InRange(Jump(tiled, Side * 8, 24 * 8), 0, 1.25 * Jump(whole, Side * 8, 24 * 8));
    }

    [Fact]
    public async Task A_smooth_picture_encoded_in_tiles_is_the_untiled_one_to_40_dB()
    {
        var package = await tiny.PackageAsync();
        using var network = Network.Load(package, "vae_encoder", new DeviceOptions());
        var pixels = Smooth(3, Side * 8, 0.8f);

        float[] Encode(float[] picture, int height, int width)
        {
            using var input = HostTensor.Of(picture, 1, 3, height * 8, width * 8);
            var sizes = new Dictionary<string, long> { ["b"] = 1, ["h"] = height, ["w"] = width };
            return network.RunToArray(sizes, new Dictionary<string, OrtValue> { ["image"] = input }, "moments", TestContext.Current.CancellationToken);
        }

        var whole = Encode(pixels, Side, Side);
        var tiled = new Tiling(Tile).Assemble(Side, Side, 8, 1, (rows, columns) => Encode(Tiling.Cut(pixels, Side, Side, 8, rows, columns), rows.Count, columns.Count));

        var psnr = Films.Psnr(whole, tiled, whole.Max() - whole.Min());
        TestContext.Current.TestOutputHelper!.WriteLine($"encode: {psnr:0.0} dB");
        Assert.NotEqual(whole, tiled);
        Assert.True(psnr >= 40, $"{psnr} dB");
    }

    [Fact]
    public async Task Tiles_bound_what_a_call_of_the_autoencoder_sees()
    {
        var networks = new MeteredNetworks(await tiny.PackageAsync());
        using var pipeline = networks.Pipeline(new Tiling(8));
        var request = Request with { Width = 128, Steps = 1, NumFrames = 2 };

        var plainFilm = Films.Pixels(pipeline, request);
        networks.Events.Clear();
        var tiledFilm = Films.Pixels(pipeline, request with { Techniques = new Techniques { Tiled = true, FramesPerDecode = 1 } });

        // 16 latent columns in tiles of 8 that begin every 6: 0…7, 6…13, 12…15. Moments of a film without tiles are not taken.
        Assert.Equal(3, networks.Events.Count(entry => entry.StartsWith("run vae_encoder", StringComparison.Ordinal)));
        Assert.Equal(6, networks.Events.Count(entry => entry.StartsWith("run vae_decoder b=1", StringComparison.Ordinal)));
        Assert.NotEqual(plainFilm, tiledFilm);
        Assert.Equal(plainFilm, Films.Pixels(pipeline, request));
    }

    [Theory]
    [InlineData(8)]
    [InlineData(4)]
    public async Task Windows_come_near_the_film_that_is_denoised_at_once_and_jump_no_more_at_their_seams(int window)
    {
        const int Frames = 12;
        var request = Request with { NumFrames = Frames, Steps = 5 };

        var whole = Latents(request);
        var windowed = Latents(request with { Techniques = new Techniques { WindowFrames = window } });

        var psnr = Films.Psnr(whole, windowed, whole.Max() - whole.Min());
        var seams = new TemporalWindows(Frames, window).Firsts.Skip(1).ToArray();
        var (jump, plainJump) = (seams.Max(frame => Jump(windowed, Frames, frame)), seams.Max(frame => Jump(whole, Frames, frame)));
        TestContext.Current.TestOutputHelper!.WriteLine($"windows of {window}: {psnr:0.0} dB, jump {jump:0.000} against {plainJump:0.000}");
        Assert.NotEqual(whole, windowed);
        Assert.True(psnr >= 30, $"{psnr} dB");
        Assert.InRange(jump, 0, 1.1 * plainJump);

        var networks = new MeteredNetworks(await tiny.PackageAsync());
        using var pipeline = networks.Pipeline();
        _ = Films.Pixels(pipeline, request with { Steps = 1, Techniques = new Techniques { WindowFrames = window } });
        Assert.Equal(seams.Length + 1, networks.Events.Count(entry => entry.StartsWith($"run unet b=2 f={window}", StringComparison.Ordinal)));

        static double Jump(float[] film, int frames, int at)
        {
            var plane = film.Length / (4 * frames);
            return Math.Sqrt(Enumerable.Range(0, 4 * plane).Average(i =>
            {
                var (row, pixel) = (i / plane * frames, i % plane);
                return Math.Pow(film[((row + at) * plane) + pixel] - film[((row + at - 1) * plane) + pixel], 2);
            }));
        }
    }

    private float[] Latents(GenerationRequest request) =>
        ((I2VGenXlPipeline)plain.Pipeline).Latents(request, TestContext.Current.CancellationToken);

    /// <summary>Slow waves, other ones in each plane.</summary>
    private static float[] Smooth(int planes, int side, float height) => [.. Enumerable.Range(0, planes * side * side).Select(i =>
    {
        var (plane, y, x) = (i / (side * side), (double)(i / side % side) / side, (double)(i % side) / side);
        return height * (float)(Math.Sin((2 * x) + plane) * Math.Cos((1.5 * y) - plane));
    })];

    /// <summary>The largest step between two neighbours on both sides of the line where tiles begin to be blended, and a few beside it.</summary>
    private static double Jump(float[] planes, int side, int border)
    {
        var largest = 0.0;
        for (var plane = 0; plane < planes.Length / (side * side); plane++)
        {
            for (var y = 0; y < side; y++)
            {
                var row = planes.AsSpan(((plane * side) + y) * side, side);
                for (var x = border - 8; x < border + 72; x++)
                {
                    largest = Math.Max(largest, Math.Abs(row[x] - row[x - 1]));
                }
            }
        }

        return largest;
    }
}
