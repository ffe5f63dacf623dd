using I2V.Inference.Planning;

namespace I2V.Inference.Pipelines;

/// <summary>
/// Pictures go through the autoencoder in overlapping tiles, which are blended where they overlap: the memory is that of a
/// tile, however large the picture. Formulas of the reference's AutoencoderKL. Lengths are in latent pixels.
/// </summary>
/// <param name="Tile">Side of a tile: the size that the autoencoder was trained with is 768 pixels.</param>
/// <param name="Overlap">Share of a tile that overlaps the next one, 0 … ½.</param>
internal sealed record Tiling(int Tile = LatentSize.TileSide, double Overlap = 0.25)
{
    /// <summary>From the beginning of one tile to that of the next.</summary>
    public int Stride => (int)(Tile * (1 - Overlap));

    public bool IsNeeded(int height, int width) => height > Tile || width > Tile;

    /// <summary>
    /// Tiles along a side. The first one that reaches the end is the last: the reference goes on and makes slivers of what is
    /// in a tile already, with hardly a neighbour to see.
    /// </summary>
    public IReadOnlyList<Stretch> Along(int length)
    {
        var tiles = new List<Stretch> { new(0, Math.Min(Tile, length)) };
        while (tiles[^1].End < length)
        {
            var first = tiles[^1].First + Stride;
            tiles.Add(new Stretch(first, Math.Min(Tile, length - first)));
        }

        return tiles;
    }

    /// <summary>What a tile sees of planes.</summary>
    /// <param name="picture">[planes, height · scale, width · scale].</param>
    /// <param name="width">Latent columns of the whole picture.</param>
    /// <param name="height">Latent rows of the whole picture.</param>
    /// <param name="scale">Pixels of a plane along a side for one of the latent.</param>
    /// <param name="rows">Of the tile.</param>
    /// <param name="columns">Of the tile.</param>
    /// <returns>[planes, rows · scale, columns · scale].</returns>
    public static float[] Cut(float[] picture, int height, int width, int scale, Stretch rows, Stretch columns)
    {
        var (across, down, length) = (width * scale, height * scale, columns.Count * scale);
        var planes = picture.Length / (across * down);
        var tile = new float[planes * rows.Count * scale * length];
        for (var row = 0; row < planes * rows.Count * scale; row++)
        {
            var (plane, y) = (row / (rows.Count * scale), row % (rows.Count * scale));
            var from = (((plane * down) + (rows.First * scale) + y) * across) + (columns.First * scale);
            picture.AsSpan(from, length).CopyTo(tile.AsSpan(row * length));
        }

        return tile;
    }

    /// <summary>Makes planes of a whole picture from those of its tiles.</summary>
    /// <param name="height">Latent rows.</param>
    /// <param name="width">Latent columns.</param>
    /// <param name="planes">How many.</param>
    /// <param name="scale">Pixels of a plane along a side for one of the latent.</param>
    /// <param name="make">[planes, rows · scale, columns · scale] of a tile; asked for row by row, from the left.</param>
    /// <returns>[planes, height · scale, width · scale].</returns>
    public float[] Assemble(int height, int width, int planes, int scale, Func<Stretch, Stretch, float[]> make)
    {
        var (blend, stride) = ((int)(Tile * scale * Overlap), Stride * scale);
        var picture = new float[planes * height * scale * width * scale];
        var above = new List<Planes>();
        foreach (var rows in Along(height))
        {
            var row = new List<Planes>();
            foreach (var columns in Along(width))
            {
                var tile = new Planes(make(rows, columns), planes, rows.Count * scale, columns.Count * scale);
                if (above.Count > row.Count)
                {
                    tile.BlendBelow(above[row.Count], blend);
                }

                if (row.Count > 0)
                {
                    tile.BlendBeside(row[^1], blend);
                }

                row.Add(tile);
                var (keptRows, keptColumns) = (rows.End == height ? tile.Height : stride, columns.End == width ? tile.Width : stride);
                tile.CopyTo(picture, height * scale, width * scale, rows.First * scale, columns.First * scale, keptRows, keptColumns);
            }

            above = row;
        }

        return picture;
    }

    /// <param name="First">Where it begins.</param>
    /// <param name="Count">How long it is.</param>
    internal readonly record struct Stretch(int First, int Count)
    {
        public int End => First + Count;
    }

    /// <summary>[count, height, width] of a tile.</summary>
    private sealed record Planes(float[] Values, int Count, int Height, int Width)
    {
        /// <summary>b[y] = a[a.height − E + y] · (1 − y/E) + b[y] · y/E, for y below E.</summary>
        public void BlendBelow(Planes above, int extent)
        {
            extent = Math.Min(extent, Math.Min(above.Height, Height));
            for (var plane = 0; plane < Count; plane++)
            {
                for (var y = 0; y < extent; y++)
                {
                    var share = (float)y / extent;
                    var from = above.Row(plane, above.Height - extent + y);
                    var to = Row(plane, y);
                    for (var x = 0; x < Width; x++)
                    {
                        to[x] = Mix(from[x], to[x], share);
                    }
                }
            }
        }

        /// <summary>The same in x.</summary>
        public void BlendBeside(Planes left, int extent)
        {
            extent = Math.Min(extent, Math.Min(left.Width, Width));
            for (var plane = 0; plane < Count; plane++)
            {
                for (var y = 0; y < Height; y++)
                {
                    var from = left.Row(plane, y)[(left.Width - extent)..];
                    var to = Row(plane, y);
                    for (var x = 0; x < extent; x++)
                    {
                        to[x] = Mix(from[x], to[x], (float)x / extent);
                    }
                }
            }
        }

        public void CopyTo(float[] picture, int pictureHeight, int pictureWidth, int top, int left, int rows, int columns)
        {
            for (var plane = 0; plane < Count; plane++)
            {
                for (var y = 0; y < rows; y++)
                {
                    Row(plane, y)[..columns].CopyTo(picture.AsSpan((((plane * pictureHeight) + top + y) * pictureWidth) + left));
                }
            }
        }

        // In this form what is equal stays equal to the last bit.
        private static float Mix(float from, float to, float share) => from + ((to - from) * share);

        private Span<float> Row(int plane, int y) => Values.AsSpan(((plane * Height) + y) * Width, Width);
    }
}
