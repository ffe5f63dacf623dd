using I2V.Inference.Native;

namespace I2V.Inference.Pipelines;

/// <summary>Tensors over arrays of the pipelines.</summary>
internal static class HostTensor
{
    /// <summary>Nothing is copied: the array may be filled anew between runs.</summary>
    public static OrtValue Of<T>(T[] data, params ReadOnlySpan<long> shape)
        where T : unmanaged => OrtValue.CreateTensorValueFromMemory(data, shape);

    /// <summary>Runs a network for its only output and copies that to an array.</summary>
    public static float[] RunToArray(
        this INetwork network, IReadOnlyDictionary<string, long> sizes, IReadOnlyDictionary<string, OrtValue> inputs, string output, CancellationToken ct)
    {
        using var value = network.Run(sizes, inputs, [(output, Place.Host)], ct)[0];
        return value.GetTensorDataAsSpan<float>().ToArray();
    }
}
