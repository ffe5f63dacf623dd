using I2V.Inference.Models;
using I2V.Inference.Planning;

namespace I2V.Tests.Inference.Planning;

public sealed class LadderTests
{
    [Fact]
    public void A_large_guided_film_has_every_rung_in_order() =>
        Assert.Equal(Ladder.Names, Names(PlanSamples.FilmWide));

    [Fact]
    public void Each_rung_keeps_the_techniques_above_it()
    {
        var names = Ladder.Of(PlanSamples.I2VGenXl, PlanSamples.FilmWide, "cuda").Select(rung => rung.Techniques.Names.ToHashSet()).ToList();

        Assert.Empty(names[0]);
        Assert.All(names.Zip(names.Skip(1)), pair => Assert.ProperSubset(pair.Second, pair.First));
    }

    [Fact]
    public void Tiles_eight_bits_and_windows_are_the_inexact_ones() =>
        Assert.Equal(
            [Rung.Tiled, Rung.EightBit, Rung.Windows],
            Ladder.Of(PlanSamples.I2VGenXl, PlanSamples.FilmWide, "cuda").Where(rung => !rung.Exact).Select(rung => rung.Name));

    [Fact]
    public void Rungs_that_would_change_nothing_are_left_out()
    {
        Assert.DoesNotContain(Rung.Tiled, Names(PlanSamples.Film512));
        Assert.DoesNotContain(Rung.SerialGuidance, Names(PlanSamples.Film512 with { Guided = false }));
        Assert.DoesNotContain(Rung.Windows, Names(PlanSamples.Film512 with { NumFrames = 4 }));
        Assert.DoesNotContain(Rung.Streamed, Names(PlanSamples.Film512, provider: "cpu"));
        Assert.DoesNotContain(Rung.Streamed, Names(PlanSamples.Film512, WithUnet(unet => unet with { Units = null })));
        Assert.DoesNotContain(Rung.EightBit, Names(PlanSamples.Film512, WithUnet(unet => unet with { Variants = null })));
    }

    [Fact]
    public void The_decoder_leaves_with_serial_guidance_and_without_guidance_with_the_denoiser()
    {
        Assert.Equal([Rung.Resident, Rung.Sliced, Rung.EncodersReleased], WithDecoder(PlanSamples.FilmWide));
        Assert.Equal([Rung.Resident, Rung.Sliced, Rung.EncodersReleased], WithDecoder(PlanSamples.FilmWide with { Guided = false }));
        Assert.True(PlanSamples.RungOf(Rung.SerialGuidance, PlanSamples.FilmWide).Techniques is { DecoderReleased: true, DenoiserReleased: false });

        static IEnumerable<string> WithDecoder(PlanRequest film) =>
            Ladder.Of(PlanSamples.I2VGenXl, film, "cuda").Where(rung => !rung.Techniques.DecoderReleased).Select(rung => rung.Name);
    }

    [Fact]
    public void Techniques_are_named_in_the_order_of_the_ladder() =>
        Assert.Equal(
            ["vae_slicing", "chunked_feed_forward", "encoders_released", "serial_guidance", "decoder_released", "denoiser_released", "streamed_denoiser"],
            PlanSamples.RungOf(Rung.Streamed, PlanSamples.Film512).Techniques.Names);

    [Fact]
    public void Rungs_whose_graph_does_not_take_the_film_at_once_are_left_out()
    {
        var limited = WithUnet(unet => unet with
        {
            MaxVoxels = 400_000,
            Variants = unet.Variants!.ToDictionary(variant => variant.Key, variant => variant.Value with { MaxVoxels = variant.Key == "whole" ? 200_000 : 400_000 }),
        });

        Assert.Contains(Rung.Resident, Names(PlanSamples.Film512, limited)); // 2·16·64·64 = 131,072 voxels
        Assert.Equal(Rung.Sliced, Names(PlanSamples.Film768 with { NumFrames = 16 }, limited).First()); // 294,912
        Assert.Equal(Rung.SerialGuidance, Names(PlanSamples.Film768, limited).First()); // 442,368
        Assert.Equal([Rung.Windows], Names(PlanSamples.Film768 with { Width = 1536, NumFrames = 32 }, limited)); // 589,824 a half
    }

    [Fact]
    public void A_film_that_no_graph_takes_is_refused_or_made_smaller()
    {
        var limited = WithUnet(unet => unet with { MaxVoxels = 50_000, Variants = null });
        var device = PlanSamples.Card(80.0);

        var refusal = PlanSamples.Refused(PlanSamples.Plan(PlanSamples.Film512, device, new FitRules(FitMode.Fail), limited));

        Assert.Equal(
            ("invalid_input", "A film of 512×512 with 16 frames is larger than the networks of the model i2vgen-xl take without being degraded, whatever the device: smaller settings would help, or the policy degrade."),
            (refusal.Code, refusal.Message));
        Assert.True(PlanSamples.Plan(PlanSamples.Film512 with { Width = 2048, Height = 2048 }, device, manifest: limited).IsPlanned);
    }

    [Fact]
    public void A_family_that_runs_in_one_piece_has_one_rung() =>
        Assert.Equal([Rung.Resident], Ladder.Of(PlanSamples.Motion, PlanSamples.Film512, "cpu").Select(rung => rung.Name));

    [Theory]
    [InlineData(5, 4)]
    [InlineData(8, 4)]
    [InlineData(12, 4)]
    [InlineData(16, 8)]
    [InlineData(24, 12)]
    [InlineData(32, 16)]
    public void A_window_is_half_the_film_in_fours(int frames, int window) =>
        Assert.Equal(window, PlanSamples.RungOf(Rung.Windows, PlanSamples.Film512 with { NumFrames = frames }).Techniques.WindowFrames);

    [Theory]
    [InlineData(512, 512, 2)]
    [InlineData(256, 256, 2)]
    [InlineData(768, 768, 1)]
    public void Large_pictures_are_decoded_one_by_one(int width, int height, int frames) =>
        Assert.Equal(frames, PlanSamples.RungOf(Rung.Sliced, PlanSamples.Film512 with { Width = width, Height = height }).Techniques.FramesPerDecode);

    [Fact]
    public void Eight_bit_weights_that_are_not_cut_into_units_stay_on_the_device_and_windows_stream_without_them()
    {
        var manifest = WithUnet(unet => unet with { Variants = new Dictionary<string, ComponentVariant> { ["int8"] = new("int8.onnx", 1_440_000_000) } });
        var (eightBit, windows) = (
            PlanSamples.RungOf(Rung.EightBit, PlanSamples.Film512, manifest).Techniques, PlanSamples.RungOf(Rung.Windows, PlanSamples.Film512, manifest).Techniques);

        Assert.True(eightBit is { EightBit: true, Streamed: false });
        Assert.True(windows is { EightBit: false, Streamed: true });
    }

    [Fact]
    public void Places_follow_the_order_and_unknown_names_have_none()
    {
        Assert.Equal(Enumerable.Range(0, 9), Ladder.Names.Select(Ladder.Position));
        Assert.Equal(-1, Ladder.Position("cellar"));
    }

    [Theory]
    [InlineData(512, 466_033)]
    [InlineData(768, 1_048_576)]
    [InlineData(1024, 1_864_135)]
    public void A_resolution_by_its_lines_is_that_of_a_wide_picture(int lines, int pixels) => Assert.Equal(pixels, Resolution.PixelsOf(lines));

    private static IEnumerable<string> Names(PlanRequest film, ModelManifest? manifest = null, string provider = "cuda") =>
        Ladder.Of(manifest ?? PlanSamples.I2VGenXl, film, provider).Select(rung => rung.Name);

    private static ModelManifest WithUnet(Func<ModelComponent, ModelComponent> change) => PlanSamples.I2VGenXl with
    {
        Components = PlanSamples.I2VGenXl.Components.ToDictionary(pair => pair.Key, pair => pair.Key == "unet" ? change(pair.Value) : pair.Value),
    };
}
