using I2V.Inference.Devices;
using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;

namespace I2V.Tests.Inference.Planning;

public sealed class MemoryModelTests
{
    private static readonly DeviceSnapshot Device = PlanSamples.Card(80.0);
    private static readonly Techniques Chunked = new() { FramesPerDecode = 2, ChunkedFeedForward = true };
    private static readonly Techniques Released = Chunked with { EncodersReleased = true, DecoderReleased = true, DenoiserReleased = true };

    // By the driver's count of the whole process.
    [Theory]
    [InlineData(false, false, GenerationPhase.Denoising, 6.76e9)]
    [InlineData(true, false, GenerationPhase.Denoising, 4.56e9)]
    [InlineData(true, false, GenerationPhase.Decoding, 4.26e9)]
    [InlineData(true, true, GenerationPhase.Denoising, 4.44e9)]
    public void Predictions_are_at_most_a_tenth_above_what_was_measured_and_never_below(
        bool encodersReleased, bool denoiserReleased, GenerationPhase phase, double measured)
    {
        var techniques = Chunked with { EncodersReleased = encodersReleased, DecoderReleased = denoiserReleased, DenoiserReleased = denoiserReleased };

        var predicted = Peaks(PlanSamples.Film512, techniques).Of(phase);

        Assert.InRange(predicted, measured, measured * 1.1);
    }

    [Theory]
    [InlineData(512, 512, 16, 1.009e9)]
    [InlineData(1280, 704, 16, 3.441e9)]
    [InlineData(768, 768, 24, 3.374e9)]
    public void The_denoiser_grows_with_the_film_as_it_was_measured_to(int width, int height, int frames, double measured)
    {
        var (film, nothing) = (PlanSamples.Film512 with { Width = width, Height = height, NumFrames = frames }, WithoutRuns());

        var tensors = Peaks(film, Released).Denoising - Peaks(film, Released, nothing).Denoising;

        Assert.InRange(tensors, measured, measured * 1.05);
    }

    [Fact]
    public void The_feed_forward_in_one_needs_a_gigabyte_and_a_half_more() =>
        Assert.Equal(
            1.5e9,
            Peaks(PlanSamples.Film512, Techniques.None).Denoising - Peaks(PlanSamples.Film512, Chunked).Denoising,
            tolerance: 0.05e9);

    [Fact]
    public void Serial_guidance_halves_what_the_denoiser_needs_besides_weights()
    {
        var (film, nothing) = (PlanSamples.Film512, WithoutRuns());
        var (together, alone) = (Chunked, Chunked with { SerialGuidance = true });

        var ratio = (double)(Peaks(film, together).Denoising - Peaks(film, together, nothing).Denoising)
            / (Peaks(film, alone).Denoising - Peaks(film, alone, nothing).Denoising);

        Assert.InRange(ratio, 1.9, 2.0); // the fixed bytes are not halved
        Assert.Equal(Peaks(film with { Guided = false }, together).Denoising, Peaks(film, alone).Denoising);
    }

    [Fact]
    public void Released_encoders_come_one_at_a_time()
    {
        var nothing = WithoutRuns();

        var peaks = Peaks(PlanSamples.Film512, Released, nothing);

        Assert.Equal(Device.OverheadBytes + MemoryModel.NetworkBytes + nothing.Components["image_encoder"].WeightBytes, peaks.Encoding);
    }

    [Fact]
    public void A_released_denoiser_leaves_the_decoder_alone_on_the_device()
    {
        var nothing = WithoutRuns();

        var peaks = Peaks(PlanSamples.Film512, Released, nothing);

        Assert.Equal(Device.OverheadBytes + MemoryModel.NetworkBytes + nothing.Components["vae_decoder"].WeightBytes, peaks.Decoding);
        Assert.Equal(Device.OverheadBytes + MemoryModel.NetworkBytes + nothing.Components["unet"].WeightBytes, peaks.Denoising);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void A_released_decoder_spares_its_weights_and_its_session_in_every_phase_but_its_own(bool encodersReleased, bool denoiserReleased)
    {
        var kept = Chunked with { EncodersReleased = encodersReleased, DenoiserReleased = denoiserReleased };
        var (with, without) = (Peaks(PlanSamples.Film512, kept), Peaks(PlanSamples.Film512, kept with { DecoderReleased = true }));

        var spared = PlanSamples.I2VGenXl.Components["vae_decoder"].WeightBytes + MemoryModel.NetworkBytes;
        Assert.Equal(spared, with.Encoding - without.Encoding);
        Assert.Equal(spared, with.Denoising - without.Denoising);
        Assert.Equal(with.Decoding, without.Decoding);
    }

    [Fact]
    public void With_the_halves_in_turn_the_image_encoder_beside_the_denoiser_is_the_most_of_a_film_of_512_by_512()
    {
        var nothing = WithoutRuns();
        var rung = PlanSamples.RungOf(Rung.SerialGuidance, PlanSamples.Film512);

        var (peaks, weights) = (Peaks(PlanSamples.Film512, rung.Techniques), Peaks(PlanSamples.Film512, rung.Techniques, nothing));

        Assert.Equal(peaks.Encoding, peaks.Max);
        Assert.Equal(Device.OverheadBytes + (2 * MemoryModel.NetworkBytes) + 2_825_000_000 + 1_260_000_000, weights.Encoding);
    }

    [Fact]
    public void A_streamed_denoiser_takes_two_places_of_its_largest_unit()
    {
        var nothing = WithoutRuns();

        var peaks = Peaks(PlanSamples.Film512, PlanSamples.RungOf(Rung.Streamed, PlanSamples.Film512).Techniques, nothing);

        Assert.Equal(Device.OverheadBytes + MemoryModel.NetworkBytes + (2 * 98_000_000), peaks.Denoising);
    }

    [Fact]
    public void Eight_bit_weights_count_as_what_their_variant_has()
    {
        var techniques = Released with { EightBit = true };

        Assert.Equal(Device.OverheadBytes + MemoryModel.NetworkBytes + 1_440_000_000, Peaks(PlanSamples.Film512, techniques, WithoutRuns()).Denoising);
    }

    [Fact]
    public void Tiles_bound_what_the_autoencoder_needs_for_large_pictures()
    {
        var techniques = PlanSamples.RungOf(Rung.Tiled, PlanSamples.FilmWide).Techniques;
        var tile = PlanSamples.FilmWide with { Width = 768, Height = 704 };

        Assert.Equal(Peaks(tile, techniques).Decoding, Peaks(PlanSamples.FilmWide, techniques).Decoding);
        Assert.True(Peaks(PlanSamples.FilmWide, techniques).Decoding < Peaks(PlanSamples.FilmWide, techniques with { Tiled = false }).Decoding);
    }

    [Fact]
    public void A_window_needs_what_a_film_of_its_frames_needs()
    {
        var window = Chunked with { WindowFrames = 8 };

        Assert.Equal(Peaks(PlanSamples.Film512 with { NumFrames = 8 }, Chunked).Denoising, Peaks(PlanSamples.Film512, window).Denoising);
    }

    [Fact]
    public void Streamed_weights_and_the_largest_released_network_lie_in_the_hosts_memory()
    {
        var model = new MemoryModel(PlanSamples.I2VGenXl, Device);
        long Host(string rung) => model.HostBytes(PlanSamples.RungOf(rung, PlanSamples.Film512).Techniques);

        Assert.Equal(0, Host(Rung.Sliced));
        Assert.Equal(99_000_000, model.HostBytes(Chunked with { DecoderReleased = true }));
        Assert.Equal(1_260_000_000, Host(Rung.EncodersReleased));
        Assert.Equal(2_825_000_000, Host(Rung.DenoiserReleased));
        Assert.Equal(2_825_000_000L + 1_260_000_000L, Host(Rung.Streamed));
        Assert.Equal(1_440_000_000L + 1_260_000_000L, Host(Rung.EightBit));
    }

    [Fact]
    public void On_the_processor_a_copy_of_weights_saves_nothing()
    {
        var cpu = Device with { Provider = "cpu", OverheadBytes = 0 };
        var model = new MemoryModel(WithoutRuns(), cpu);

        Assert.Equal(0, model.HostBytes(Released with { Streamed = true }));
        Assert.True(model.Peaks(PlanSamples.Film512, Released with { Streamed = true }).Denoising > model.Peaks(PlanSamples.Film512, Released).Denoising);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Without_terms_the_guess_is_above_what_was_measured(bool chunked)
    {
        var (film, techniques) = (PlanSamples.Film768, Techniques.None with { ChunkedFeedForward = chunked });
        var (known, guessed) = (Peaks(film, techniques), Peaks(film, techniques, PlanSamples.I2VGenXl with { Memory = null }));

        Assert.True(guessed.Encoding > known.Encoding);
        Assert.True(guessed.Denoising > known.Denoising);
        Assert.True(guessed.Decoding > known.Decoding);
    }

    [Fact]
    public void Loading_with_its_warm_up_run_needs_less_than_a_film()
    {
        var peaks = Peaks(PlanSamples.Film512, Techniques.None);

        Assert.True(peaks.Loading < peaks.Denoising);
        Assert.True(peaks.Loading > PlanSamples.I2VGenXl.Components.Values.Sum(component => component.WeightBytes));
    }

    private static PhasePeaks Peaks(PlanRequest film, Techniques techniques, ModelManifest? manifest = null) =>
        new MemoryModel(manifest ?? PlanSamples.I2VGenXl, Device).Peaks(film, techniques);

    /// <summary>Weights alone.</summary>
    private static ModelManifest WithoutRuns() =>
        PlanSamples.I2VGenXl with { Memory = PlanSamples.I2VGenXl.Memory!.ToDictionary(term => term.Key, _ => new MemoryTerm(0, 0)) };
}
