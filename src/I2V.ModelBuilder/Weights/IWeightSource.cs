namespace I2V.ModelBuilder.Weights;

/// <summary>One component's weights, by the keys and in the layout of the checkpoint.</summary>
public interface IWeightSource
{
    /// <summary>Key → shape of every tensor that is there; null when the source can make any that is asked for.</summary>
    IReadOnlyDictionary<string, long[]>? Tensors { get; }

    /// <summary>Reads a tensor as fp32, row-major in the checkpoint's shape. Safe to call from several threads.</summary>
    /// <param name="key">Of the tensor, as published.</param>
    /// <param name="shape">Its shape, which the caller has checked against <see cref="Tensors"/>.</param>
    /// <param name="into">As many elements as the shape says.</param>
    void Read(string key, ReadOnlySpan<long> shape, Span<float> into);
}
