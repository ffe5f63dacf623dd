using System.Diagnostics;
using System.Text.Json.Nodes;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;

namespace I2V.GpuProof;

/// <summary>
/// The streamed UNet: what the process holds at each stage of its life, how much of the copying its computing hides, and the
/// same steps with the weights resident beside it. The published size, or the small one with the same widths.
/// </summary>
internal static class MeasureStreaming
{
    private const long ContextWidth = 1024, RateWidth = 1280;

    public static int Run(string folder, string output, Options options)
    {
        var report = new Report(output);
        var memory = new ProcessMemory(options.Provider);
        var package = ModelPackage.Open(folder);
        CudaDriver.Open(0).TryEnter();
        report.Add("context", Bytes(memory));
        float[]? streamed = null;
        foreach (var size in options.Sizes)
        {
            report.Stage($"streamed {size}", () => Streamed(package, size, options, memory, out streamed));
            report.Add("after it is gone", Bytes(memory));
        }

        report.Stage($"resident {options.Sizes[^1]}", () => Resident(package, options.Sizes[^1], options, memory, streamed));
        report.Add("after that is gone", Bytes(memory));
        return report.Finish();
    }

    private static JsonObject Streamed(ModelPackage package, FilmSize size, Options options, ProcessMemory memory, out float[]? made)
    {
        ProcessMemory.Forget();
        var start = Stopwatch.GetTimestamp();
        using var unet = StreamedNetwork.Load(package, "unet", options.Device);
        var result = new JsonObject { ["load_seconds"] = Stopwatch.GetElapsedTime(start).TotalSeconds, ["loaded"] = Bytes(memory) };
        using var steps = new UnetSteps(unet, size, new StepInputs(package.Manifest, size, ContextWidth, RateWidth));
        steps.Step();
        result["after a step"] = Bytes(memory);
        result["steps"] = steps.Measure();
        unet.BeginTrace();
        made = steps.Step();
        var trace = unet.EndTrace();
        result["trace"] = new JsonObject
        {
            ["copies_ms"] = trace.CopyMs,
            ["runs_ms"] = trace.RunMs,
            ["wall_ms"] = trace.WallMs,
            ["hidden_copies"] = trace.HiddenShare,
            ["units"] = trace.Spans.Count(span => !span.IsCopy),
        };
        var other = new Thread(() => steps.Step());
        other.Start();
        other.Join();
        result["after a step of another thread"] = Bytes(memory);
        result["memory"] = memory.Read();
        result["pinned_bytes"] = unet.PinnedBytes;
        return result;
    }

    private static JsonObject Resident(ModelPackage package, FilmSize size, Options options, ProcessMemory memory, float[]? streamed)
    {
        ProcessMemory.Forget();
        using var unet = Network.Load(package, "unet", options.Device);
        var result = new JsonObject { ["loaded"] = Bytes(memory) };
        using var steps = new UnetSteps(unet, package.Manifest, size);
        result["steps"] = steps.Measure();
        var made = steps.Step();
        result["relative_error_twice"] = Report.Number(Errors.Relative(steps.Step(), made));
        result["relative_error_streamed"] = streamed is null ? null : Report.Number(Errors.Relative(streamed, made));
        result["memory"] = memory.Read();
        return result;
    }

    /// <summary>Of the process by the driver's count, and what of it our allocator does not know of.</summary>
    private static JsonObject Bytes(ProcessMemory memory)
    {
        DeviceMemory.Current?.Trim();
        var bytes = memory.Bytes;
        return new JsonObject { ["process"] = bytes, ["outside"] = bytes - (DeviceMemory.Current?.Use.CommittedBytes ?? 0) };
    }
}
