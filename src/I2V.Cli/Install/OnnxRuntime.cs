namespace I2V.Cli.Install;

/// <summary>A native ONNX Runtime that was found or installed.</summary>
/// <param name="Folder">Holds the library and its providers.</param>
/// <param name="Source">For people: where it comes from.</param>
internal sealed record OnnxRuntime(string Folder, string Source)
{
    /// <summary><c>cuda</c> where its provider lies beside the library; else <c>webgpu</c>, which npm's build contains.</summary>
    public string GpuProvider =>
        File.Exists(Path.Combine(Folder, "libonnxruntime_providers_cuda.so")) || File.Exists(Path.Combine(Folder, "onnxruntime_providers_cuda.dll"))
            ? "cuda"
            : "webgpu";
}
