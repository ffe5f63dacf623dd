using I2V.Inference.Pipelines;

namespace I2V.Tests.Inference.Pipelines;

public sealed class TilingTests
{
    private const int Planes = 2;

    [Theory]
    [InlineData(40, "0+40")]
    [InlineData(96, "0+96")]
    [InlineData(104, "0+96 72+32")]
    [InlineData(160, "0+96 72+88")]
    [InlineData(168, "0+96 72+96")]
    [InlineData(256, "0+96 72+96 144+96 216+40")]
    public void Tiles_follow_each_other_by_three_quarters_and_the_first_to_reach_the_end_is_the_last(int length, string expected) =>
        Assert.Equal(expected, string.Join(' ', new Tiling().Along(length).Select(stretch => $"{stretch.First}+{stretch.Count}")));

    [Fact]
    public void A_picture_of_a_tile_s_size_needs_none()
    {
        var tiling = new Tiling();

        Assert.False(tiling.IsNeeded(96, 96));
        Assert.True(tiling.IsNeeded(97, 8));
        Assert.True(tiling.IsNeeded(8, 97));
    }

    [Theory]
    [InlineData(16, 0.25, 40, 23, 1)]
    [InlineData(16, 0.25, 23, 40, 8)]
    [InlineData(8, 0.5, 21, 30, 3)]
    [InlineData(12, 0.25, 30, 10, 2)]
    public void Fields_that_tiles_agree_on_come_out_as_they_are(int tile, double overlap, int height, int width, int scale)
    {
        var (rows, columns) = (height * scale, width * scale);
        var constant = Enumerable.Repeat(0.1f, Planes * rows * columns).ToArray();
        var linear = Enumerable.Range(0, Planes * rows * columns).Select(i => (i / (rows * columns)) + (0.013f * (i / columns % rows)) - (0.007f * (i % columns))).ToArray();

        foreach (var field in (float[][])[constant, linear])
        {
            var made = new Tiling(tile, overlap).Assemble(height, width, Planes, scale, (r, c) => Tiling.Cut(field, height, width, scale, r, c));
            Assert.Equal(field, made);
        }
    }

    [Theory]
    [InlineData(16, 0.25, 40, 37, 1)]
    [InlineData(16, 0.25, 33, 50, 2)]
    [InlineData(8, 0.5, 21, 30, 1)]
    public void Tiles_that_differ_are_blended_by_the_reference_s_formulas(int tile, double overlap, int height, int width, int scale)
    {
        var tiling = new Tiling(tile, overlap);
        var tiles = new Dictionary<(int, int), float[]>();
        var random = new Random(5);
        foreach (var rows in tiling.Along(height))
        {
            foreach (var columns in tiling.Along(width))
            {
                tiles[(rows.First, columns.First)] = [.. Enumerable.Range(0, Planes * rows.Count * scale * columns.Count * scale).Select(_ => random.NextSingle())];
            }
        }

        var expected = Direct(tiling, tiles, height, width, scale);
        var made = tiling.Assemble(height, width, Planes, scale, (rows, columns) => [.. tiles[(rows.First, columns.First)]]);

        Assert.Equal(expected, made, (a, b) => Math.Abs(a - b) <= 1e-6);
    }

    /// <summary>
    /// Written as the reference writes it: all tiles first, then blend_v with the tile above and blend_h with the one on the
    /// left, cut, and put together. One list entry is a row of one plane.
    /// </summary>
    private static float[] Direct(Tiling tiling, Dictionary<(int, int), float[]> tiles, int height, int width, int scale)
    {
        var (blend, limit) = ((int)(tiling.Tile * scale * tiling.Overlap), (tiling.Tile * scale) - (int)(tiling.Tile * scale * tiling.Overlap));
        var down = tiling.Along(height);
        var along = tiling.Along(width);
        var picture = new float[Planes * height * scale * width * scale];
        for (var plane = 0; plane < Planes; plane++)
        {
            var grid = down.Select(rows => along.Select(columns => Square(tiles[(rows.First, columns.First)], plane, rows.Count * scale, columns.Count * scale)).ToArray()).ToArray();
            for (var i = 0; i < grid.Length; i++)
            {
                for (var j = 0; j < grid[i].Length; j++)
                {
                    var b = grid[i][j];
                    if (i > 0)
                    {
                        BlendVertically(grid[i - 1][j], b, blend);
                    }

                    if (j > 0)
                    {
                        BlendHorizontally(grid[i][j - 1], b, blend);
                    }

                    for (var y = 0; y < (i == grid.Length - 1 ? b.GetLength(0) : limit); y++)
                    {
                        for (var x = 0; x < (j == grid[i].Length - 1 ? b.GetLength(1) : limit); x++)
                        {
                            picture[(((plane * height * scale) + (i * limit) + y) * width * scale) + (j * limit) + x] = b[y, x];
                        }
                    }
                }
            }
        }

        return picture;
    }

    private static void BlendVertically(float[,] a, float[,] b, int extent)
    {
        extent = Math.Min(Math.Min(a.GetLength(0), b.GetLength(0)), extent);
        for (var y = 0; y < extent; y++)
        {
            for (var x = 0; x < b.GetLength(1); x++)
            {
                b[y, x] = (a[a.GetLength(0) - extent + y, x] * (1 - ((float)y / extent))) + (b[y, x] * ((float)y / extent));
            }
        }
    }

    private static void BlendHorizontally(float[,] a, float[,] b, int extent)
    {
        extent = Math.Min(Math.Min(a.GetLength(1), b.GetLength(1)), extent);
        for (var x = 0; x < extent; x++)
        {
            for (var y = 0; y < b.GetLength(0); y++)
            {
                b[y, x] = (a[y, a.GetLength(1) - extent + x] * (1 - ((float)x / extent))) + (b[y, x] * ((float)x / extent));
            }
        }
    }

    private static float[,] Square(float[] tile, int plane, int height, int width)
    {
        var square = new float[height, width];
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                square[y, x] = tile[(((plane * height) + y) * width) + x];
            }
        }

        return square;
    }
}
