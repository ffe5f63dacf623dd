using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Checkpoints;
using I2V.ModelBuilder.Packages;

namespace I2V.Tests.ModelBuilder.Packages;

public sealed class I2VGenXlMemoryTests
{
    private static readonly PackageSettings Fused = new() { Target = Target.Fused, Precision = TensorElementType.Float16, EightBit = true };
    private static readonly PackageSettings Portable = new() { Target = Target.Portable, Precision = TensorElementType.Float };

    [Theory]
    [InlineData(131_072, 1.009e9)]
    [InlineData(442_368, 3.374e9)]
    [InlineData(450_560, 3.441e9)]
    public void A_step_s_bytes_are_never_below_the_driver_s_and_at_most_3_percent_above(long voxels, double measured)
    {
        var predicted = Bytes(I2VGenXlMemory.Terms(I2VGenXlConfigs.Full, Fused)["unet"], voxels);

        Assert.InRange(predicted, measured, 1.03 * measured);
    }

    [Fact]
    public void Decoding_two_frames_takes_what_was_measured()
    {
        Assert.InRange(Bytes(I2VGenXlMemory.Terms(I2VGenXlConfigs.Full, Fused)["vae_decoder"], 2 * 64 * 64), 0.683e9, 0.69e9);
    }

    [Fact]
    public void Tensors_grow_with_the_width_and_with_the_bytes_of_an_element()
    {
        var (full, half) = (I2VGenXlMemory.Terms(I2VGenXlConfigs.Full, Fused), I2VGenXlMemory.Terms(I2VGenXlConfigs.Tiny, Portable with { Precision = TensorElementType.Float16 }));
        var single = I2VGenXlMemory.Terms(I2VGenXlConfigs.Tiny, Portable);

        Assert.Equal(full["unet.whole"].BytesPerVoxel * 32 / 320, half["unet"].BytesPerVoxel, 6);
        Assert.Equal(2 * half["unet"].BytesPerVoxel, single["unet"].BytesPerVoxel, 6);
        Assert.Equal(single["unet"], single["unet.units"]);
        Assert.Equal(2 * half["conditioning"].FixedBytes, single["conditioning"].FixedBytes);
        Assert.Equal(2 * full["vae_decoder"].BytesPerVoxel * 32 / 128, half["vae_decoder"].BytesPerVoxel, 6);
    }

    [Fact]
    public void Every_way_to_run_a_network_has_a_term_and_no_other_has()
    {
        Assert.Equal(
            ["conditioning", "image_encoder", "text_encoder", "unet", "unet.int8", "unet.int8.units", "unet.units", "unet.whole", "vae_decoder", "vae_encoder"],
            I2VGenXlMemory.Terms(I2VGenXlConfigs.Full, Fused).Keys.Order(StringComparer.Ordinal));
        Assert.DoesNotContain(I2VGenXlMemory.Terms(I2VGenXlConfigs.Full, Portable).Keys, name => name.Contains("whole", StringComparison.Ordinal) || name.Contains("int8", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(512, 512, 16, 0)]
    [InlineData(512, 910, 16, 0)]
    [InlineData(768, 1365, 24, 1)]
    [InlineData(704, 1280, 16, 1)]
    [InlineData(1024, 1820, 32, 2)]
    public void The_envelope_s_lines_hold_512p_768p_and_1024p_in_every_shape(int height, int width, int frames, int line)
    {
        using var checkpoint = I2VGenXlCheckpoints.Random(RandomSize.Tiny, 1);
        var lines = I2VGenXlPackage.Plan(checkpoint, Portable).Manifest.Envelope!;

        Assert.Equal([12L << 30, 16L << 30, null], lines.Select(entry => entry.BelowFreeBytes));
        Assert.Equal(line, lines.ToList().FindIndex(entry => width * height <= entry.MaxPixels && frames <= entry.MaxFrames));
    }

    private static double Bytes(MemoryTerm term, long voxels) => term.FixedBytes + (term.BytesPerVoxel * voxels);
}
