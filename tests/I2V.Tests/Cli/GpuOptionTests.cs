using System.CommandLine;
using I2V.Cli.Configuration;
using I2V.Cli.Doctor;
using I2V.Cli.Render;
using I2V.Cli.Up;
using I2V.Inference.Devices;
using I2V.Tests.Inference;

namespace I2V.Tests.Cli;

public sealed class GpuOptionTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("1", "uuid-1")]
    [InlineData("1,0", "uuid-1 uuid-0")]
    [InlineData("1 GPU-0", "uuid-1 uuid-GPU-0")]
    [InlineData("", "")]
    public void Up_takes_gpus_with_commas_or_one_by_one(string named, string uuids) =>
        Assert.Equal(uuids, string.Join(' ', UpGpus.Find(named.Split(' '), gpu => "uuid-" + gpu)));

    [Fact]
    public void Up_refuses_one_gpu_for_two_workers_and_one_that_is_not_there()
    {
        var twice = Assert.Throws<CliException>(() => UpGpus.Find(["0,GPU-a"], _ => "GPU-a"));
        var missing = Assert.Throws<CliException>(() => UpGpus.Find(["7"], _ => throw new DeviceException(DeviceError.NotFound, "There is no GPU 7.")));

        Assert.Equal(("`--gpu` names GPU-a twice: one GPU serves one worker.", ExitCode.Usage), (twice.Message, twice.ExitCode));
        Assert.Equal(("There is no GPU 7.", ExitCode.Usage), (missing.Message, missing.ExitCode));
    }

    [Theory]
    [InlineData(null, 0, 1)]
    [InlineData(null, 3, 3)]
    [InlineData(2, 0, 2)]
    [InlineData(2, 2, 2)]
    public void Up_starts_a_worker_for_each_gpu_that_is_named(int? asked, int gpus, int workers) => Assert.Equal(workers, UpGpus.Workers(asked, gpus));

    [Fact]
    public void Up_refuses_other_numbers_of_workers_and_gpus() =>
        Assert.StartsWith("`--gpu` names 2 for 3 workers", Assert.Throws<CliException>(() => UpGpus.Workers(3, 2)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("up --gpu --no-install")]
    [InlineData("up --gpu 1 --gpu GPU-6f")]
    [InlineData("up --gpu 0,1 --workers 2")]
    [InlineData("render photo.png --gpu 1")]
    [InlineData("render photo.png --provider cuda --gpu MIG-1 --share")]
    [InlineData("render photo.png --provider cuda --device 1")]
    [InlineData("doctor --gpu 1")]
    public void Gpus_are_named_on_the_command_line(string line) => Assert.Empty(Parse(line));

    [Theory]
    [InlineData("render photo.png --provider webgpu --gpu 1", "--gpu is for --provider cuda.")]
    [InlineData("render photo.png --provider cpu --gpu 1", "--gpu is for --provider cuda.")]
    [InlineData("render photo.png --gpu 1 --device 1", "--gpu and --device both say which GPU: leave one of them out.")]
    public void A_gpu_that_contradicts_another_option_is_refused(string line, string message) => Assert.Equal([message], Parse(line));

    [Theory]
    [InlineData("render", "cpu")]
    [InlineData("render --provider webgpu", "webgpu")]
    [InlineData("render --gpu 1", "cuda")]
    public void Naming_a_gpu_means_cuda(string line, string provider)
    {
        var (device, parsed) = ParseDevice(line);

        Assert.Equal(provider, device.Provider(parsed));
    }

    [Fact]
    public void On_the_processor_nobody_is_kept_out_and_its_memory_is_known()
    {
        var (device, parsed) = ParseDevice("render --threads 3");

        using var place = device.Take(parsed);

        Assert.Equal(("cpu", 0, 3), (place.Options.Provider, place.Options.DeviceId, place.Options.Threads));
        Assert.Null(place.Held);
        Assert.Equal("cpu", place.Probe!.Facts.Provider);
        Assert.InRange(place.Probe.Read().Memory.FreeBytes, 1, place.Probe.Facts.TotalBytes);
    }

    [Fact]
    public void A_gpu_that_is_named_must_be_there()
    {
        var (device, parsed) = ParseDevice("render --gpu GPU-none");

        var refusal = Assert.Throws<CliException>(() => device.Take(parsed));

        Assert.True(refusal.Message.Contains("GPU-none", StringComparison.Ordinal) || refusal.Message.Contains("libnvidia-ml.so.1 was not found", StringComparison.Ordinal), refusal.Message);
    }

    [Fact]
    public void Doctor_says_what_a_gpu_is_in_one_line_and_leaves_out_what_is_not_known()
    {
        var facts = new GpuFacts { Provider = "cuda", Id = "GPU-6f", Name = "NVIDIA L4", TotalBytes = 24L << 30, ComputeCapability = "8.9", DriverVersion = "580.95.05" };

        var check = GpuChecks.Of("GPU 0", facts, new GpuMemory(24L << 30, 23L << 30, 1L << 30, null));

        Assert.Equal("NVIDIA L4, 24.0 GB (23.0 free), compute capability 8.9, driver 580.95.05, GPU-6f", check.Detail);
        Assert.Equal(("GPU 0", CheckState.Ok), (check.Name, check.State));
    }

    [Fact]
    public void Doctor_always_has_something_to_say_about_gpus() =>
        Assert.All(GpuChecks.All(), check => Assert.DoesNotContain('\n', check.Detail));

    private IEnumerable<string> Parse(string line)
    {
        File.WriteAllText(folder.File("photo.png"), "");
        var root = new RootCommand { UpCommand.Create(), RenderCommand.Create(), DoctorCommand.Create() };
        return root.Parse(line.Replace("photo.png", folder.File("photo.png"), StringComparison.Ordinal).Split(' ')).Errors.Select(error => error.Message);
    }

    private static (RenderDevice Device, ParseResult Parsed) ParseDevice(string line)
    {
        var device = new RenderDevice();
        var command = new Command("render");
        device.AddTo(command);
        return (device, new RootCommand { command }.Parse(line.Split(' ')));
    }
}
