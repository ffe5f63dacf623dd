namespace I2V.Inference.Native;

/// <summary>Options of the CUDA provider, by the runtime's key names (<c>device_id</c>, <c>gpu_mem_limit</c>, …).</summary>
public sealed unsafe class OrtCUDAProviderOptions : OrtHandle
{
    public OrtCUDAProviderOptions()
        : base(Create())
    {
    }

    /// <exception cref="OrtException">A key is unknown, a value does not fit, or the provider's library is missing.</exception>
    public void UpdateOptions(IReadOnlyDictionary<string, string> options)
    {
        using var self = Use();
        using var keys = new NativeStrings(options.Keys);
        using var values = new NativeStrings(options.Values);
        fixed (nint* firstKey = keys.Pointers, firstValue = values.Pointers)
        {
            OrtApi.Check(
                OrtApi.UpdateCudaProviderOptions(self.Pointer, firstKey, firstValue, (nuint)options.Count),
                "UpdateCUDAProviderOptions");
        }
    }

    protected override bool ReleaseHandle()
    {
        OrtApi.ReleaseCudaProviderOptions(handle);
        return true;
    }

    private static nint Create()
    {
        // Providers log while they are configured, and only the environment gives them a log.
        _ = OrtEnv.Instance();
        nint options;
        OrtApi.Check(OrtApi.CreateCudaProviderOptions(&options), "CreateCUDAProviderOptions");
        return options;
    }
}

/// <summary>Options of the TensorRT provider, by the runtime's key names (<c>device_id</c>, <c>trt_fp16_enable</c>, …).</summary>
public sealed unsafe class OrtTensorRTProviderOptions : OrtHandle
{
    public OrtTensorRTProviderOptions()
        : base(Create())
    {
    }

    /// <exception cref="OrtException">A key is unknown, a value does not fit, or the provider's library is missing.</exception>
    public void UpdateOptions(IReadOnlyDictionary<string, string> options)
    {
        using var self = Use();
        using var keys = new NativeStrings(options.Keys);
        using var values = new NativeStrings(options.Values);
        fixed (nint* firstKey = keys.Pointers, firstValue = values.Pointers)
        {
            OrtApi.Check(
                OrtApi.UpdateTensorRTProviderOptions(self.Pointer, firstKey, firstValue, (nuint)options.Count),
                "UpdateTensorRTProviderOptions");
        }
    }

    protected override bool ReleaseHandle()
    {
        OrtApi.ReleaseTensorRTProviderOptions(handle);
        return true;
    }

    private static nint Create()
    {
        // Providers log while they are configured, and only the environment gives them a log.
        _ = OrtEnv.Instance();
        nint options;
        OrtApi.Check(OrtApi.CreateTensorRTProviderOptions(&options), "CreateTensorRTProviderOptions");
        return options;
    }
}
