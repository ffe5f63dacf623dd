namespace I2V.ModelBuilder.Checkpoints;

/// <summary>A checkpoint that cannot be used; the message says which file, what is wrong and what would be right.</summary>
public sealed class CheckpointException(string message, Exception? inner = null) : Exception(message, inner);
