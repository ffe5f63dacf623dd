using I2V.Inference.Native;

namespace I2V.Inference.Pipelines;

/// <summary>
/// How the CUDA provider works. The defaults are what was measured to be fast and small at once; null leaves a choice to
/// the provider.
/// </summary>
public sealed record CudaTuning
{
    /// <summary>
    /// Memory through <see cref="DeviceMemory"/> instead of the runtime's arena: exact figures, a budget, and about 0.8 GB
    /// less for the UNet of I2VGen-XL, for 4 ms of 133 per step.
    /// </summary>
    public bool OwnAllocator { get; init; } = true;

    /// <summary>Convolution, bias and activation as one kernel where cuDNN has one: 3 % of a step, for 4–7 s more in the first run of each size.</summary>
    public bool FuseConvBias { get; init; } = true;

    /// <summary>
    /// Products of fp32 numbers with 10 bits of fraction. On, although fused graphs have no such product: switched off, it
    /// keeps cuDNN's fused convolutions from half-precision graphs too (141 ms a step instead of 132).
    /// </summary>
    public bool Tf32 { get; init; } = true;

    /// <summary><c>HEURISTIC</c>, <c>EXHAUSTIVE</c> or <c>DEFAULT</c>. Trying all algorithms out would cost seconds and gigabytes for every new size.</summary>
    public string ConvAlgorithmSearch { get; init; } = "HEURISTIC";

    /// <summary>Whether cuDNN may take as much work space as it likes; false holds it to 32 MB.</summary>
    public bool? ConvMaxWorkspace { get; init; }

    /// <summary>Bits that choose the attention kernel: 1 flash, 2 memory-efficient, 8 cuDNN, 16 plain. The provider's own choice was the fastest on sm_90.</summary>
    public int? AttentionKernel { get; init; }

    /// <summary>
    /// One stream for all sessions of the device, instead of one for each: they take turns anyway, and each then needs one set
    /// of library handles, not two (15 MB less). What is streamed unit by unit always shares one.
    /// </summary>
    public bool SharedStream { get; init; } = true;

    /// <summary>What the runtime may do to the graph before it runs.</summary>
    public GraphOptimizationLevel GraphOptimization { get; init; } = GraphOptimizationLevel.EnableAll;

    /// <summary>Options of the provider by its own names, laid over the ones above.</summary>
    public IReadOnlyDictionary<string, string> ProviderOptions { get; init; } = new Dictionary<string, string>();

    /// <summary>Options of the session by the runtime's names, laid over the ones of the loader.</summary>
    public IReadOnlyDictionary<string, string> SessionOptions { get; init; } = new Dictionary<string, string>();

    /// <summary>The options as the provider takes them, but for the device and the allocator's functions.</summary>
    internal Dictionary<string, string> ToProviderOptions()
    {
        var options = new Dictionary<string, string>
        {
            // Without our allocator: no more than a request needs, instead of the next power of two.
            ["arena_extend_strategy"] = "kSameAsRequested",
            ["cudnn_conv_algo_search"] = ConvAlgorithmSearch,
            ["fuse_conv_bias"] = FuseConvBias ? "1" : "0",
            ["use_tf32"] = Tf32 ? "1" : "0",
        };
        if (ConvMaxWorkspace is { } workspace)
        {
            options["cudnn_conv_use_max_workspace"] = workspace ? "1" : "0";
        }

        if (AttentionKernel is { } kernel)
        {
            options["sdpa_kernel"] = FormattableString.Invariant($"{kernel}");
        }

        foreach (var (key, value) in ProviderOptions)
        {
            options[key] = value;
        }

        return options;
    }
}
