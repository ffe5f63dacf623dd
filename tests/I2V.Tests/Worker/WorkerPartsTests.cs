using System.ComponentModel.DataAnnotations;
using System.Runtime.InteropServices;
using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.ModelBuilder;
using I2V.Protocol.Jobs;
using I2V.Tests.Inference;
using I2V.Worker;
using I2V.Worker.Devices;
using I2V.Worker.Models;
using I2V.Worker.RenderJob;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace I2V.Tests.Worker;

public sealed class WorkerPartsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_killed_predecessors_files_are_swept_and_a_neighbours_are_not()
    {
        var mine = NewScratch(index: 0);
        var leftover = mine.Open(Guid.CreateVersion7(), attempt: 1);
        File.WriteAllText(leftover.Video, "half a film");
        var neighbours = NewScratch(index: 1).Open(Guid.CreateVersion7(), attempt: 1);
        File.WriteAllText(neighbours.Video, "half a film");

        NewScratch(index: 0);

        Assert.False(Directory.Exists(Path.GetDirectoryName(leftover.Video)));
        Assert.True(File.Exists(neighbours.Video));
    }

    [Fact]
    public void An_attempts_folder_is_gone_with_it()
    {
        var scratch = NewScratch(index: 0);
        string video;
        using (var attempt = scratch.Open(Guid.CreateVersion7(), attempt: 2))
        {
            video = attempt.Video;
            File.WriteAllText(video, "a film");
        }

        Assert.False(Directory.Exists(Path.GetDirectoryName(video)));
    }

    [Fact]
    public void Packages_are_found_in_a_folder_or_as_one()
    {
        var package = MotionPackage.Build(folder.Path);
        Assert.Equal("motion", Assert.Single(PackageFolder.OpenAll(folder.Path, [])).Key);
        Assert.Equal("motion", Assert.Single(PackageFolder.OpenAll(package, [])).Key);

        var capability = Capability.Of(PackageFolder.OpenAll(package, [])["motion"]);
        Assert.Equal(512, capability.Limits.DefaultLongestSide);
        Assert.Equal(64, capability.Limits.Frames.Max);
        Assert.Equal(16, capability.Defaults.NumFrames);
        Assert.Contains("motion_amount", capability.UsedSettings);
    }

    [Fact]
    public void Packages_that_are_named_one_by_one_are_served_too_and_a_name_only_once()
    {
        var package = MotionPackage.Build(folder.Path);
        using var elsewhere = new TemporaryFolder();
        var other = elsewhere.File("sample");
        Directory.CreateDirectory(other);
        PackageSamples.Write(other, manifest => manifest with
        {
            Steps = new Range<int>(1, 99),
            Presets = new Dictionary<string, ModelPreset> { ["draft"] = new(25) },
            Defaults = manifest.Defaults with { Preset = "draft", Steps = 25 },
        });

        var found = PackageFolder.OpenAll(folder.Path, [other, package]);

        Assert.Equal(["motion", "sample"], found.Keys);
        var capability = Capability.Of(found["sample"]);
        Assert.Equal((25, "draft"), (capability.Presets["draft"].Steps, capability.Defaults.Preset));
        var copy = MotionPackage.Build(elsewhere.Path);
        Directory.Move(MotionPackage.Build(elsewhere.Path), folder.File(".motion.unfinished"));
        Assert.Equal("motion", Assert.Single(PackageFolder.OpenAll(folder.Path, [])).Key);
        MotionPackage.Ensure(elsewhere.Path);
        Assert.Contains("two packages have the name 'motion'", Assert.Throws<GenerationException>(() => PackageFolder.OpenAll(folder.Path, [copy])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_is_told_for_each_phase_by_itself()
    {
        var memory = new PhaseMemory();
        memory.Enter(JobPhase.Denoising);
        Touch(256 << 20);
        memory.Enter(JobPhase.Decoding);

        var peaks = memory.Peaks();

        Assert.Equal([JobPhase.Denoising, JobPhase.Decoding], peaks.Keys);
        Assert.All(peaks.Values, bytes => Assert.InRange(bytes, 16L << 20, 1L << 40));
        Assert.True(peaks[JobPhase.Denoising] > 256L << 20);
    }

    [Fact]
    public void A_folder_without_packages_says_how_to_get_one()
    {
        var refusal = Assert.Throws<GenerationException>(() => PackageFolder.OpenAll(folder.Path, []));
        Assert.Equal(GenerationError.ModelLoadFailed, refusal.Error);
        Assert.Contains("Worker:Packages", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_a_lasting_sickness_ends_the_process()
    {
        var sick = new Sickness(TimeSpan.FromSeconds(60));
        var start = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        Assert.False(sick.LastsTooLong(unhealthy: true, start));
        Assert.False(sick.LastsTooLong(unhealthy: true, start.AddSeconds(59)));
        Assert.False(sick.LastsTooLong(unhealthy: false, start.AddSeconds(60)));
        Assert.False(sick.LastsTooLong(unhealthy: true, start.AddSeconds(61)));
        Assert.False(sick.LastsTooLong(unhealthy: true, start.AddSeconds(120)));
        Assert.True(sick.LastsTooLong(unhealthy: true, start.AddSeconds(121)));
    }

    [Theory]
    [InlineData("ftp://x", "i2v_live_abcdefgh_0123456789012345678901234567890123456789012", "cpu", "Worker:GatewayUrl")]
    [InlineData("http://x:1", "secret", "cpu", "Worker:Key")]
    [InlineData("http://x:1", "i2v_live_abcdefgh_0123456789012345678901234567890123456789012", "tpu", "Worker:Provider")]
    public void A_wrong_option_is_named_and_its_value_is_not_repeated(string url, string key, string provider, string named)
    {
        var options = new WorkerOptions { GatewayUrl = url, Key = key, Packages = "models", Provider = provider };
        var problems = new List<ValidationResult>();
        Assert.False(Validator.TryValidateObject(options, new ValidationContext(options), problems, validateAllProperties: true));
        var problem = Assert.Single(problems).ErrorMessage!;
        Assert.Contains(named, problem, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cpu", "1", 0, null, "Worker:Gpu names a GPU for the provider cuda, but Worker:Provider is cpu")]
    [InlineData("cuda", "GPU-6f1c", 2, null, "Worker:Gpu and Worker:DeviceIndex both say which GPU")]
    [InlineData("cuda", null, 0, "8GB", "Worker:MemoryLimit is for the providers cpu and webgpu")]
    [InlineData("cpu", null, 0, "8 apples", "Worker:MemoryLimit must be a number of bytes")]
    [InlineData("cpu", null, 0, "0", "Worker:MemoryLimit must be at least one byte")]
    [InlineData("cuda", "1", 0, null, null)]
    [InlineData("webgpu", "", 3, "8GB", null)]
    public void Options_of_the_device_that_contradict_each_other_are_named(string provider, string? gpu, int index, string? limit, string? problem)
    {
        var options = new WorkerOptions
        {
            GatewayUrl = "http://x:1",
            Key = "i2v_live_abcdefgh_0123456789012345678901234567890123456789012",
            Packages = "models",
            Provider = provider,
            Gpu = gpu,
            DeviceIndex = index,
            MemoryLimit = limit,
        };
        var problems = new List<ValidationResult>();

        Assert.Equal(problem is null, Validator.TryValidateObject(options, new ValidationContext(options), problems, validateAllProperties: true));

        Assert.All(problems, found => Assert.StartsWith(problem!, found.ErrorMessage, StringComparison.Ordinal));
    }

    /// <summary>Uses so many bytes for a moment; they go back to the system at once, unlike the collector's.</summary>
    private static void Touch(int bytes)
    {
        var memory = Marshal.AllocHGlobal(bytes);
        for (var page = 0; page < bytes; page += Environment.SystemPageSize)
        {
            Marshal.WriteByte(memory, page, 1);
        }

        Marshal.FreeHGlobal(memory);
    }

    private Scratch NewScratch(int index)
    {
        var options = Options.Create(new WorkerOptions { Scratch = folder.Path, DeviceIndex = index });
        using var device = Device.Find(options.Value, TimeProvider.System);
        return new Scratch(options, device, NullLogger<Scratch>.Instance);
    }
}
