namespace I2V.ModelBuilder.Weights;

/// <summary>Weights that cannot be used. The message is for the person who gave them: which file or tensor, and what is wrong with it.</summary>
public sealed class WeightsException(string message, Exception? inner = null) : Exception(message, inner);
