using I2V.Inference.Models;

namespace I2V.GpuProof;

/// <summary>
/// How far an exact technique may be from the plain run: as far as the reference's own fp16 is from its fp32, and 1e-5 where
/// the package computes in fp32.
/// </summary>
/// <param name="manifest">Of the package.</param>
/// <param name="reference">A folder of fullsize.py; null for the figure that was measured for the UNet at 512×512×16 in channels-last.</param>
internal sealed class TechniqueLimits(ModelManifest manifest, string? reference)
{
    private const double Single = 1e-5;
    private const double MeasuredHalf = 2.6e-3;

    /// <param name="cases">The reference's cases of that network, the one of the same size first.</param>
    /// <param name="output">Of the network.</param>
    public double Of(IEnumerable<string> cases, string output) => manifest.Precision == "fp32"
        ? Single
        : reference is null ? MeasuredHalf : cases.Select(name => ReferenceCase.FindHalfError(reference, name, output)).FirstOrDefault(error => error is not null) ?? MeasuredHalf;
}
