namespace I2V.Inference.Native;

/// <summary>Options of an execution provider that are set by the runtime's key names.</summary>
public abstract unsafe class OrtProviderOptions : OrtHandle
{
    private protected OrtProviderOptions(nint pointer)
        : base(pointer)
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
            Update(self.Pointer, firstKey, firstValue, (nuint)options.Count);
        }
    }

    private protected abstract void Update(nint self, nint* keys, nint* values, nuint count);

    private protected static nint Create(delegate* unmanaged<nint*, nint> create, string call)
    {
        // Providers log while they are configured, and only the environment gives them a log.
        _ = OrtEnv.Instance();
        nint options;
        OrtApi.Check(create(&options), call);
        return options;
    }
}

/// <summary>Options of the CUDA provider, by the runtime's key names (<c>device_id</c>, <c>gpu_mem_limit</c>, …).</summary>
public sealed unsafe class OrtCUDAProviderOptions : OrtProviderOptions
{
    public OrtCUDAProviderOptions()
        : base(Create(OrtApi.CreateCudaProviderOptions, "CreateCUDAProviderOptions"))
    {
    }

    protected override bool ReleaseHandle()
    {
        OrtApi.ReleaseCudaProviderOptions(handle);
        return true;
    }

    private protected override void Update(nint self, nint* keys, nint* values, nuint count) =>
        OrtApi.Check(OrtApi.UpdateCudaProviderOptions(self, keys, values, count), "UpdateCUDAProviderOptions");
}

/// <summary>Options of the TensorRT provider, by the runtime's key names (<c>device_id</c>, <c>trt_fp16_enable</c>, …).</summary>
public sealed unsafe class OrtTensorRTProviderOptions : OrtProviderOptions
{
    public OrtTensorRTProviderOptions()
        : base(Create(OrtApi.CreateTensorRTProviderOptions, "CreateTensorRTProviderOptions"))
    {
    }

    protected override bool ReleaseHandle()
    {
        OrtApi.ReleaseTensorRTProviderOptions(handle);
        return true;
    }

    private protected override void Update(nint self, nint* keys, nint* values, nuint count) =>
        OrtApi.Check(OrtApi.UpdateTensorRTProviderOptions(self, keys, values, count), "UpdateTensorRTProviderOptions");
}
