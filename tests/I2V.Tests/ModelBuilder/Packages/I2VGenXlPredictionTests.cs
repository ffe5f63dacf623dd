using I2V.Inference.Devices;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Planning;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Checkpoints;
using I2V.ModelBuilder.Packages;
using I2V.Tests.Inference.Planning;

namespace I2V.Tests.ModelBuilder.Packages;

/// <summary>The package of the published size for CUDA, planned and never written, against what whole processes were measured to take.</summary>
public sealed class I2VGenXlPredictionTests
{
    private static readonly Lazy<ModelManifest> Full = new(Manifest);

    // docs/measurements/fitting.md: by the driver's count, on an H200, each rung in a process that did nothing before.
    [Theory]
    [InlineData(512, 512, 16, Rung.Resident, 8114733056)]
    [InlineData(512, 512, 16, Rung.Sliced, 6604783616)]
    [InlineData(768, 768, 24, Rung.Sliced, 8978759680)]
    [InlineData(1280, 704, 16, Rung.Sliced, 9039577088)]
    [InlineData(512, 512, 16, Rung.EncodersReleased, 4813815808)]
    [InlineData(768, 768, 24, Rung.EncodersReleased, 6921453568)]
    [InlineData(1280, 704, 16, Rung.EncodersReleased, 6980173824)]
    [InlineData(512, 512, 16, Rung.SerialGuidance, 4700569600)]
    [InlineData(768, 768, 24, Rung.SerialGuidance, 5122097152)]
    [InlineData(1280, 704, 16, Rung.SerialGuidance, 5155651584)]
    [InlineData(512, 512, 16, Rung.DenoiserReleased, 3920429056)]
    [InlineData(768, 768, 24, Rung.DenoiserReleased, 5115805696)]
    [InlineData(1280, 704, 16, Rung.DenoiserReleased, 5151457280)]
    [InlineData(512, 512, 16, Rung.Streamed, 2240610304)]
    [InlineData(768, 768, 24, Rung.Streamed, 2880241664)]
    [InlineData(1280, 704, 16, Rung.Streamed, 2922184704)]
    public void A_process_is_predicted_to_take_what_it_was_measured_to_and_at_most_a_tenth_more(int width, int height, int frames, string rung, long measured) =>
        Assert.InRange(Peaks(new PlanRequest(width, height, frames, Steps: 50, Guided: true), rung).Max, measured, 1.1 * measured);

    [Theory]
    [InlineData(12, 512, 512, 16, Rung.Resident)]
    [InlineData(8, 512, 512, 16, Rung.Sliced)]
    [InlineData(6, 512, 512, 16, Rung.EncodersReleased)]
    [InlineData(4, 512, 512, 16, Rung.Streamed)]
    [InlineData(24, 768, 768, 24, Rung.Sliced)]
    [InlineData(24, 1280, 704, 16, Rung.Sliced)]
    public void A_card_makes_the_film_without_degradation(double gigabytes, int width, int height, int frames, string rung)
    {
        var card = PlanSamples.Card(gigabytes) with { OverheadBytes = Snapshots.ExpectedCudaOverheadBytes };

        var plan = PlanSamples.Plan(new PlanRequest(width, height, frames, Steps: 50, Guided: true), card, manifest: Full.Value).Plan;

        Assert.NotNull(plan);
        Assert.Equal((rung, 0), (plan.Rung.Name, plan.Degradations.Count));
    }

    [Fact]
    public void Runs_keep_below_the_elements_that_their_kernels_count()
    {
        var unet = Full.Value.Components["unet"];

        // The first transformer in time has rows of 5,120 for every voxel, where they are not taken in four parts.
        Assert.Equal(((long?)419_430, (long?)1_677_721), (unet.Variants!["whole"].MaxVoxels, unet.MaxVoxels));
        Assert.Null(Full.Value.Components["vae_decoder"].MaxVoxels);
    }

    [Fact]
    public void Serial_guidance_is_without_the_decoder_while_it_encodes()
    {
        var (above, serial) = (Peaks(PlanSamples.Film512, Rung.EncodersReleased), Peaks(PlanSamples.Film512, Rung.SerialGuidance));

        Assert.Equal(above.Encoding - Full.Value.Components["vae_decoder"].WeightBytes - MemoryModel.NetworkBytes, serial.Encoding);
        Assert.Equal(serial.Encoding, serial.Max);
    }

    private static PhasePeaks Peaks(PlanRequest film, string rung) =>
        new MemoryModel(Full.Value, PlanSamples.Card(80.0) with { OverheadBytes = Snapshots.ExpectedCudaOverheadBytes }).Peaks(film, PlanSamples.RungOf(rung, film, Full.Value).Techniques);

    /// <summary>As a worker reads it.</summary>
    private static ModelManifest Manifest()
    {
        using var checkpoint = I2VGenXlCheckpoints.Random(RandomSize.Full, seed: 1);
        var plan = I2VGenXlPackage.Plan(checkpoint, new PackageSettings { Target = Target.Fused, Precision = TensorElementType.Float16 });
        return ModelManifestJson.Read(ModelManifestJson.Write(
            plan.Manifest with { Components = plan.Components.ToDictionary(component => component.Network.Name, component => component.Described) }));
    }
}
