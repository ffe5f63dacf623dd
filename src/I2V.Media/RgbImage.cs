namespace I2V.Media;

/// <summary>An upright picture or one frame of a film: 8 bits a channel, red first, rows from the top, no padding.</summary>
/// <param name="Width">Pixels, at least 1.</param>
/// <param name="Height">Pixels, at least 1.</param>
/// <param name="Pixels">Width · Height · 3 bytes.</param>
public sealed record RgbImage(int Width, int Height, byte[] Pixels);
