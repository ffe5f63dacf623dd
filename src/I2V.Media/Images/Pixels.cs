namespace I2V.Media.Images;

/// <summary>The two things that are done to decoded pixels.</summary>
internal static class Pixels
{
    /// <summary>Lays straight-alpha RGBA over white, which is what a browser shows behind a transparent picture.</summary>
    public static byte[] OverWhite(ReadOnlySpan<byte> rgba)
    {
        var rgb = GC.AllocateUninitializedArray<byte>(rgba.Length / 4 * 3);
        for (int from = 0, to = 0; from < rgba.Length; from += 4, to += 3)
        {
            var alpha = rgba[from + 3];
            var white = 255 * (255 - alpha) + 127;
            rgb[to] = (byte)((rgba[from] * alpha + white) / 255);
            rgb[to + 1] = (byte)((rgba[from + 1] * alpha + white) / 255);
            rgb[to + 2] = (byte)((rgba[from + 2] * alpha + white) / 255);
        }

        return rgb;
    }

    /// <summary>Turns and mirrors a stored picture the way its EXIF orientation (1 … 8) asks for.</summary>
    public static RgbImage Upright(int width, int height, byte[] rgb, int orientation)
    {
        // In stored pixels: where the upright picture begins, one step to its right, one step down.
        var right = width - 1;
        var bottom = (height - 1) * width;
        var (start, across, down) = orientation switch
        {
            2 => (right, -1, width),
            3 => (bottom + right, -1, -width),
            4 => (bottom, 1, -width),
            5 => (0, width, 1),
            6 => (bottom, -width, 1),
            7 => (bottom + right, -width, -1),
            8 => (right, width, -1),
            _ => (0, 1, width),
        };
        if (start == 0 && across == 1)
        {
            return new RgbImage(width, height, rgb);
        }

        var (newWidth, newHeight) = orientation >= 5 ? (height, width) : (width, height);
        var turned = GC.AllocateUninitializedArray<byte>(rgb.Length);
        for (int y = 0, to = 0; y < newHeight; y++)
        {
            var from = start + y * down;
            for (var x = 0; x < newWidth; x++, from += across, to += 3)
            {
                rgb.AsSpan(from * 3, 3).CopyTo(turned.AsSpan(to));
            }
        }

        return new RgbImage(newWidth, newHeight, turned);
    }
}
