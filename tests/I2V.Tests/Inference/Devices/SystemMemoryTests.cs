using System.ComponentModel.DataAnnotations;
using System.Text.RegularExpressions;
using I2V.Inference.Devices;

namespace I2V.Tests.Inference.Devices;

public sealed class SystemMemoryTests : IDisposable
{
    private const long Gigabyte = 1L << 30;

    private readonly TemporaryFolder folder = new();

    public SystemMemoryTests()
    {
        Write("proc/meminfo", "MemTotal:       16777216 kB\nMemFree:         1000000 kB\nMemAvailable:   12582912 kB\n");
        Write("proc/self/status", "Name:\tI2V.Worker\nVmHWM:\t  900000 kB\nVmRSS:\t 1048576 kB\n");
        Write("proc/cpuinfo", "processor\t: 0\nmodel name\t: Some Processor 9000\n");
    }

    private SystemMemory Memory => new(folder.Path);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Without_a_group_the_kernels_figures_count()
    {
        Assert.Equal((16 * Gigabyte, 12 * Gigabyte, Gigabyte), (Memory.TotalBytes, Memory.AvailableBytes, Memory.ProcessBytes));
        Assert.Equal("Some Processor 9000", Memory.ProcessorName);
    }

    [Fact]
    public void A_containers_lower_limit_counts_and_files_in_memory_can_make_room()
    {
        Write("proc/self/cgroup", "0::/\n");
        Group("", limit: "4294967296", used: 3 * Gigabyte, files: Gigabyte);

        Assert.Equal((4 * Gigabyte, 2 * Gigabyte), (Memory.TotalBytes, Memory.AvailableBytes));
    }

    [Fact]
    public void The_tightest_group_from_the_process_outwards_counts()
    {
        Write("proc/self/cgroup", "0::/kube/pod/worker\n");
        Group("kube/pod/worker", limit: "max", used: Gigabyte, files: 0);
        Group("kube/pod", limit: "6442450944", used: Gigabyte, files: 0);
        Group("kube", limit: "8589934592", used: 7 * Gigabyte, files: 0);

        Assert.Equal((6 * Gigabyte, Gigabyte), (Memory.TotalBytes, Memory.AvailableBytes));
    }

    [Fact]
    public void The_old_version_of_groups_is_read_and_its_largest_number_is_no_limit()
    {
        Write("proc/self/cgroup", "12:cpu,cpuacct:/a\n7:memory:/docker/a\n0::/\n");
        Write("sys/fs/cgroup/memory/docker/a/memory.limit_in_bytes", "2147483648\n");
        Write("sys/fs/cgroup/memory/docker/a/memory.usage_in_bytes", "1073741824\n");
        Write("sys/fs/cgroup/memory/docker/a/memory.stat", "cache 1\ntotal_inactive_file 268435456\ntotal_active_file 268435456\n");
        Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        Write("sys/fs/cgroup/memory/memory.usage_in_bytes", "1073741824\n");

        Assert.Equal((2 * Gigabyte, Gigabyte + (Gigabyte / 2)), (Memory.TotalBytes, Memory.AvailableBytes));
    }

    [Fact]
    public void A_group_that_is_over_its_limit_has_nothing_free()
    {
        Write("proc/self/cgroup", "0::/\n");
        Group("", limit: "1000", used: 5_000, files: 0);

        Assert.Equal(0, Memory.AvailableBytes);
    }

    [Fact]
    public void Without_linuxs_files_the_runtime_tells()
    {
        using var empty = new TemporaryFolder();
        var memory = new SystemMemory(empty.Path);

        Assert.InRange(memory.TotalBytes, 1, long.MaxValue);
        Assert.Equal(memory.TotalBytes, memory.AvailableBytes);
        Assert.InRange(memory.ProcessBytes, 1, memory.TotalBytes);
        Assert.Equal("CPU", memory.ProcessorName);
    }

    [Theory]
    [InlineData(null, 16, 12)]
    [InlineData(8 * Gigabyte, 8, 7)]
    [InlineData(Gigabyte, 1, 0)]
    [InlineData(64 * Gigabyte, 16, 12)]
    public void A_limit_counts_with_what_the_process_has_already_and_never_above_the_host(long? limit, long total, long free)
    {
        var probe = new HostProbe("webgpu", "vm/webgpu-0", "WebGPU adapter 0", Memory, limit, new ManualTimeProvider());

        Assert.Equal(("webgpu", "vm/webgpu-0", "WebGPU adapter 0", total * Gigabyte), (probe.Facts.Provider, probe.Facts.Id, probe.Facts.Name, probe.Facts.TotalBytes));
        Assert.Equal(new GpuMemory(total * Gigabyte, free * Gigabyte, (total - free) * Gigabyte, Gigabyte), probe.Read().Memory);
    }

    [Theory]
    [InlineData("8589934592", 8_589_934_592)]
    [InlineData("8GB", 8_589_934_592)]
    [InlineData("8 GiB", 8_589_934_592)]
    [InlineData(" 7.5g ", 8_053_063_680)]
    [InlineData("512MB", 536_870_912)]
    [InlineData("2tb", 2_199_023_255_552)]
    [InlineData("100b", 100)]
    public void Sizes_are_read_as_people_write_them(string text, long bytes)
    {
        Assert.Equal(bytes, ByteSize.TryParse(text));
        Assert.True(new RegularExpressionAttribute(ByteSize.Pattern).IsValid(text));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("GB")]
    [InlineData("-8GB")]
    [InlineData("8 GB free")]
    [InlineData("8,5GB")]
    [InlineData("0")]
    [InlineData("999999999999TB")]
    public void What_is_no_size_is_none(string? text) => Assert.Null(ByteSize.TryParse(text));

    [Fact]
    public void The_pattern_of_sizes_is_not_fooled_by_a_line_end() => Assert.DoesNotMatch(new Regex(ByteSize.Pattern), "8GB\nx");

    private void Group(string path, string limit, long used, long files)
    {
        var place = "sys/fs/cgroup/" + path;
        Write(place + "/memory.max", limit + "\n");
        Write(place + "/memory.current", FormattableString.Invariant($"{used}\n"));
        Write(place + "/memory.stat", FormattableString.Invariant($"anon 1\nfile {files}\ninactive_file {files / 2}\nactive_file {files - (files / 2)}\n"));
    }

    private void Write(string file, string text)
    {
        var path = folder.File(file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }
}
