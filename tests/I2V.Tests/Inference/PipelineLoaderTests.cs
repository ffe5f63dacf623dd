using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;

namespace I2V.Tests.Inference;

public sealed class PipelineLoaderTests(MotionFixture motion) : IClassFixture<MotionFixture>
{
    [Fact]
    public void A_warm_pipeline_knows_its_manifest()
    {
        motion.Pipeline.WarmUp(TestContext.Current.CancellationToken);

        Assert.Equal("motion", motion.Pipeline.Manifest.Name);
    }

    [Fact]
    public void Cuda_without_its_libraries_names_the_files_and_the_folder()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("libonnxruntime_providers_shared.so"), "");

        var error = Assert.Throws<GenerationException>(() => CudaLibraries.RequireProvider(folder.Path));

        Assert.Equal(GenerationError.RuntimeMissing, error.Error);
        Assert.Equal($"The provider cuda is missing: libonnxruntime_providers_cuda.so not found in {folder.Path}, beside ONNX Runtime.", error.Message);
    }

    [Theory]
    [InlineData("cuda")]
    [InlineData("webgpu")]
    public void A_device_either_makes_the_film_or_is_refused_as_missing_and_never_replaced_by_the_processor(string provider)
    {
        var error = Record.Exception(() =>
        {
            using var pipeline = PipelineLoader.Load(motion.Package, new DeviceOptions { Provider = provider });
            pipeline.WarmUp(TestContext.Current.CancellationToken);
        });

        if (error is not null)
        {
            var refusal = Assert.IsType<GenerationException>(error);
            Assert.Equal(GenerationError.RuntimeMissing, refusal.Error);
            Assert.StartsWith($"The provider {provider} ", refusal.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', refusal.Message);
        }
    }

    [Fact]
    public void A_provider_that_does_not_exist_is_refused_with_the_ones_that_do() =>
        Assert.Equal("The provider tpu is not known; use cpu, cuda or webgpu.", Load("tpu").Message);

    [Fact]
    public void A_family_that_this_version_cannot_run_is_refused()
    {
        using var folder = new TemporaryFolder();
        var package = PackageSamples.Write(folder.Path, manifest => manifest with { Family = "easyanimate-v5" });

        var error = Assert.Throws<GenerationException>(() => PipelineLoader.Load(package(), new DeviceOptions()));

        Assert.Equal(GenerationError.ModelLoadFailed, error.Error);
        Assert.Equal("The model sample is of the family easyanimate-v5, which this version cannot run; it runs motion and i2vgen-xl.", error.Message);
    }

    [Fact]
    public void A_package_without_a_graph_that_its_family_needs_is_refused()
    {
        using var folder = new TemporaryFolder();
        var package = PackageSamples.Write(folder.Path, manifest => manifest);

        var error = Assert.Throws<GenerationException>(() => PipelineLoader.Load(package(), new DeviceOptions()));

        Assert.Equal(GenerationError.ModelLoadFailed, error.Error);
        Assert.Contains("components has no picture, which the family motion needs", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_graph_that_the_runtime_refuses_is_a_model_that_cannot_be_loaded()
    {
        using var folder = new TemporaryFolder();
        var package = PackageSamples.Write(
            folder.Path,
            manifest => manifest with { Components = new Dictionary<string, ModelComponent> { ["picture"] = new("graph.onnx", "portable", 0) } },
            graph: []);

        var error = Assert.Throws<GenerationException>(() => PipelineLoader.Load(package(), new DeviceOptions()));

        Assert.Equal(GenerationError.ModelLoadFailed, error.Error);
        Assert.StartsWith("The graph picture of the model sample cannot be loaded.", error.Message, StringComparison.Ordinal);
    }

    private GenerationException Load(string provider)
    {
        var error = Assert.Throws<GenerationException>(() => PipelineLoader.Load(motion.Package, new DeviceOptions { Provider = provider }));
        Assert.Equal(GenerationError.RuntimeMissing, error.Error);
        return error;
    }
}
