using I2V.Inference.Devices;

namespace I2V.Tests.Inference.Devices;

public sealed class GpuSelectionTests
{
    private static readonly ListedGpu Small = new(0, "GPU-aaaa-1", "NVIDIA L4", IsSplit: false, []);
    private static readonly ListedGpu Large = new(1, "GPU-aabb-2", "NVIDIA H100", IsSplit: false, []);
    private static readonly ListedGpu First = new(2, "MIG-cccc-1", "NVIDIA A100 MIG 3g.20gb", IsSplit: false, []);
    private static readonly ListedGpu Second = new(2, "MIG-cccc-2", "NVIDIA A100 MIG 3g.20gb", IsSplit: false, []);
    private static readonly ListedGpu Split = new(2, "GPU-cccc-3", "NVIDIA A100", IsSplit: true, [First, Second]);
    private static readonly ListedGpu[] Machine = [Small, Large, Split];

    [Theory]
    [InlineData(null, 0, "GPU-aaaa-1")]
    [InlineData(null, 1, "GPU-aabb-2")]
    [InlineData(null, 3, "MIG-cccc-2")]
    [InlineData("1", 0, "GPU-aabb-2")]
    [InlineData("GPU-aabb-2", 0, "GPU-aabb-2")]
    [InlineData("gpu-aab", 0, "GPU-aabb-2")]
    [InlineData("MIG-cccc-2", 0, "MIG-cccc-2")]
    public void A_gpu_is_named_by_position_number_or_the_beginning_of_its_uuid(string? gpu, int position, string uuid) =>
        Assert.Equal(uuid, Choose(gpu, position).Uuid);

    [Theory]
    [InlineData("1", 0, "GPU-aabb-2")]
    [InlineData("1,0", 1, "GPU-aaaa-1")]
    [InlineData("GPU-aabb", 0, "GPU-aabb-2")]
    [InlineData(" 1 , 0 ", 1, "GPU-aaaa-1")]
    [InlineData("MIG-cccc-2,0", 0, "MIG-cccc-2")]
    [InlineData("2", 1, "MIG-cccc-2")]
    public void Positions_count_what_the_variable_leaves_in_its_order(string visible, int position, string uuid) =>
        Assert.Equal(uuid, Choose(null, position, visible).Uuid);

    [Theory]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData("-1,0")]
    [InlineData("7,0")]
    [InlineData("GPU-aa,0")]
    [InlineData("none")]
    public void A_variable_that_hides_everything_is_named(string visible)
    {
        var refusal = Assert.Throws<DeviceException>(() => Choose(null, 0, visible));

        Assert.Equal(DeviceError.NotFound, refusal.Error);
        Assert.StartsWith($"CUDA_VISIBLE_DEVICES={visible} hides every GPU", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("1 NVIDIA H100 (GPU-aabb-2)", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_follows_an_entry_that_is_no_gpu_is_hidden() =>
        Assert.Equal([Large], VisibleGpus.Of("1,9,0", null, Machine));

    [Theory]
    [InlineData("0", "1", "0 NVIDIA L4 (GPU-aaaa-1)")]
    [InlineData("GPU-aabb", "0,2", "1 NVIDIA H100 (GPU-aabb-2)")]
    [InlineData("2", "0,1", "2 NVIDIA A100 (GPU-cccc-3)")]
    [InlineData("MIG-cccc-1", "MIG-cccc-2", "2 NVIDIA A100 MIG 3g.20gb (MIG-cccc-1)")]
    public void A_gpu_that_the_variable_hides_is_refused_with_both_names(string gpu, string visible, string words)
    {
        var refusal = Assert.Throws<DeviceException>(() => Choose(gpu, 0, visible));

        Assert.Equal(DeviceError.Hidden, refusal.Error);
        Assert.Equal($"CUDA_VISIBLE_DEVICES={visible} hides GPU {words} from this process: name another GPU, or change the variable.", refusal.Message);
    }

    [Theory]
    [InlineData("5")]
    [InlineData("GPU-dead")]
    [InlineData("MIG-dead")]
    [InlineData("aaaa-1")]
    [InlineData("")]
    public void An_unknown_gpu_is_answered_with_those_that_there_are(string gpu)
    {
        var refusal = Assert.Throws<DeviceException>(() => Choose(gpu));

        Assert.Equal(DeviceError.NotFound, refusal.Error);
        Assert.StartsWith($"There is no GPU {gpu};", refusal.Message, StringComparison.Ordinal);
        Assert.All(["GPU-aaaa-1", "GPU-aabb-2", "GPU-cccc-3", "MIG-cccc-1", "MIG-cccc-2"], uuid => Assert.Contains(uuid, refusal.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void A_beginning_that_two_gpus_share_is_not_enough()
    {
        var refusal = Assert.Throws<DeviceException>(() => Choose("GPU-aa"));

        Assert.Equal(DeviceError.Ambiguous, refusal.Error);
        Assert.Equal("More than one GPU begins with GPU-aa: 0 NVIDIA L4 (GPU-aaaa-1), 1 NVIDIA H100 (GPU-aabb-2).", refusal.Message);
    }

    [Theory]
    [InlineData("2")]
    [InlineData("GPU-cccc")]
    public void Of_a_split_gpu_an_instance_must_be_chosen_unless_one_is_left(string gpu)
    {
        var refusal = Assert.Throws<DeviceException>(() => Choose(gpu));

        Assert.Equal(DeviceError.Ambiguous, refusal.Error);
        Assert.EndsWith("choose one of MIG-cccc-1, MIG-cccc-2.", refusal.Message, StringComparison.Ordinal);
        Assert.Equal("MIG-cccc-2", Choose(gpu, visible: "MIG-cccc-2").Uuid);
    }

    [Fact]
    public void A_gpu_in_mig_mode_without_instances_cannot_be_used()
    {
        ListedGpu[] machine = [Split with { Instances = [] }];

        Assert.Contains("has no instances", Assert.Throws<DeviceException>(() => GpuSelection.Choose("2", 0, null, null, machine)).Message, StringComparison.Ordinal);
        Assert.StartsWith("There is no NVIDIA GPU to use", Assert.Throws<DeviceException>(() => GpuSelection.Choose(null, 0, null, null, machine)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_position_beyond_the_last_says_how_many_there_are()
    {
        var refusal = Assert.Throws<DeviceException>(() => Choose(null, 2, "1,0"));

        Assert.Equal("There is no GPU at position 2: this process may use 2, counted from 0: 1 NVIDIA H100 (GPU-aabb-2), 0 NVIDIA L4 (GPU-aaaa-1).", refusal.Message);
    }

    [Fact]
    public void Numbers_in_cudas_own_order_are_refused_where_they_could_mean_another_gpu()
    {
        var refusal = Assert.Throws<DeviceException>(() => GpuSelection.Choose(null, 0, "0", "FASTEST_FIRST", Machine));

        Assert.Contains("name them by uuid", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(Large, GpuSelection.Choose(null, 0, "GPU-aabb", "FASTEST_FIRST", Machine));
        Assert.Equal(Small, GpuSelection.Choose(null, 0, "0", "FASTEST_FIRST", [Small, Large with { Name = Small.Name }]));
        Assert.Equal(Small, GpuSelection.Choose(null, 0, "0", "PCI_BUS_ID", Machine));
    }

    private static ListedGpu Choose(string? gpu, int position = 0, string? visible = null) => GpuSelection.Choose(gpu, position, visible, order: null, Machine);
}
