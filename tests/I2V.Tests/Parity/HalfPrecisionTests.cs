using I2V.Inference.Native;

namespace I2V.Tests.Parity;

/// <summary>
/// The portable networks in half precision, which the processor computes by casting where it has no kernels for it:
/// near the reference's fp32 by as much as weights of 11 bits allow.
/// </summary>
public sealed class HalfPrecisionTests(TinyHalfPackage package) : IClassFixture<TinyHalfPackage>
{
    private const double Tolerance = 1e-2; // relative

    public static TheoryData<string> Cases => NetworkParityTests.Cases;

    [Theory]
    [MemberData(nameof(Cases))]
    public void Outputs_are_near_the_reference_s_and_not_the_same(string name)
    {
        var expected = Fixtures.Tensors($"networks/{name}");
        foreach (var (output, numbers) in package.Outputs(NetworkCase.All[name]))
        {
            var error = Measures.Relative(numbers, expected[output].Floats);
            Measures.Print($"{name} {output} in fp16: {error:0.00e-0} relative");
            Assert.InRange(error, 1e-5, Tolerance);
        }
    }

    [Fact]
    public void What_goes_from_network_to_network_is_in_half_precision()
    {
        var types = package.Load("conditioning").Session.OutputMetadata.ToDictionary(output => output.Key, output => output.Value.ElementDataType);

        Assert.Equal(["context", "fps_embedding", "image_features"], types.Keys.Order());
        Assert.All(types.Values, type => Assert.Equal(TensorElementType.Float16, type));
    }

    [Fact]
    public void A_film_without_guidance_is_near_the_reference_s()
    {
        var frames = package.Pipeline.Generate(FilmCase.All["unguided"].Request("unguided"), progress: null, TestContext.Current.CancellationToken);
        var psnr = Measures.Psnr([.. frames.SelectMany(frame => frame.Pixels)], Fixtures.Tensors("films/unguided")["frames"].Bytes);

        Measures.Print($"unguided in fp16: frames {psnr:f1} dB");
        Assert.InRange(psnr, 40, 80);
    }
}
