using I2V.ModelBuilder.Onnx;

namespace I2V.ModelBuilder.Architectures;

/// <summary>Numbers as waves (arXiv:1706.03762, section 3.5), cosines first.</summary>
internal static class Sinusoid
{
    private const float MaxPeriod = 10000;

    /// <param name="numbers">[n], fp32.</param>
    /// <param name="size">Of the result's last dimension; even.</param>
    /// <returns>[n, size], fp32.</returns>
    public static Value Of(Value numbers, int size)
    {
        var g = numbers.Graph;
        var half = size / 2;

        // In single precision throughout, like the reference: the angles reach a thousand radians.
        var frequencies = Enumerable.Range(0, half).Select(j => MathF.Exp(-MathF.Log(MaxPeriod) * j / half)).ToArray();
        var angles = numbers.Unsqueeze(1) * g.Constant<float>(frequencies, 1, half);
        return g.Op("Concat", [g.Op("Cos", [angles]), g.Op("Sin", [angles])], null, Attr.Int("axis", -1));
    }
}
