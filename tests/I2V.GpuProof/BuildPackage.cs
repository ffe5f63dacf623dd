using System.Diagnostics;
using I2V.Inference.Native;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Checkpoints;
using I2V.ModelBuilder.Packages;

namespace I2V.GpuProof;

/// <summary>A package with weights from names, as <c>i2v models build i2vgen-xl --random-weights</c> makes it.</summary>
internal static class BuildPackage
{
    public static async Task<int> RunAsync(string folder, Options options)
    {
        var size = options.Size switch { "full" => RandomSize.Full, "small" => RandomSize.Small, _ => RandomSize.Tiny };
        var fused = options.Provider == "cuda";
        var settings = new PackageSettings
        {
            Target = fused ? Target.Fused : Target.Portable,
            Precision = fused ? TensorElementType.Float16 : TensorElementType.Float,
            EightBit = options.EightBit,
        };
        var start = Stopwatch.GetTimestamp();
        using var checkpoint = I2VGenXlCheckpoints.Random(size, options.Seed);
        var plan = I2VGenXlPackage.Plan(checkpoint, settings);
        await PackageWriter.WriteAsync(plan, folder, progress: null, CancellationToken.None);
        Console.WriteLine(FormattableString.Invariant(
            $"{folder}: {plan.WeightBytes / 1e9:F2} GB in {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s, at most {Process.GetCurrentProcess().PeakWorkingSet64 / 1e9:F2} GB of RAM"));
        return 0;
    }
}
