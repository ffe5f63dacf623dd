namespace I2V.ModelBuilder.Packages;

/// <summary>A package that cannot be built as asked; the message is one sentence for the user.</summary>
public sealed class PackageException(string message, Exception? inner = null) : Exception(message, inner);
