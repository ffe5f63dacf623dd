namespace I2V.ModelBuilder.Weights;

/// <summary>A tensor's sizes, outermost first.</summary>
internal static class TensorShape
{
    /// <exception cref="OverflowException">More elements than a long counts.</exception>
    public static long Count(ReadOnlySpan<long> shape)
    {
        long count = 1;
        foreach (var size in shape)
        {
            count = checked(count * size);
        }

        return count;
    }

    public static string Text(ReadOnlySpan<long> shape) => $"[{string.Join(", ", shape.ToArray())}]";
}
