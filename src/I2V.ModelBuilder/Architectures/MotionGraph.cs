using I2V.ModelBuilder.Onnx;
using Element = I2V.Inference.Native.TensorElementType;

namespace I2V.ModelBuilder.Architectures;

/// <summary>
/// A camera that moves over one picture. The <c>picture</c> graph cuts the image to the film's shape and brings it near
/// the film's scale, once; the <c>camera</c> graph computes the path for any frames of the film and looks through it.
/// </summary>
internal static class MotionGraph
{
    /// <summary>The closest look at the full amount: 1 + this.</summary>
    private const double Reach = 0.5;

    /// <summary>How much of the free way the seed may use up.</summary>
    private const float Drift = 0.6f;

    /// <summary>
    /// One row for each move, in the order of the input <c>move</c>. Zoom is an exponent of the closest look; x and y are
    /// parts (−1 … 1) of the free way between the window and the picture's edge, right and down being positive.
    /// Columns: zoom from, to · x from, to · y from, to · drift of x from, to · drift of y from, to · swing of x, drift of the swing's y.
    /// </summary>
    private static readonly float[] Moves =
    [
        0, 1, /**/ 0, 0, /**/ 0, 0, /**/ Drift, Drift, /**/ Drift, Drift, /**/ 0, 0, // zoom in
        1, 0, /**/ 0, 0, /**/ 0, 0, /**/ Drift, Drift, /**/ Drift, Drift, /**/ 0, 0, // zoom out
        1, 1, /**/ 1, -1, /**/ 0, 0, /**/ 0, 0, /**/ -Drift, Drift, /**/ 0, 0, // pan left
        1, 1, /**/ -1, 1, /**/ 0, 0, /**/ 0, 0, /**/ -Drift, Drift, /**/ 0, 0, // pan right
        1, 1, /**/ 0, 0, /**/ 1, -1, /**/ -Drift, Drift, /**/ 0, 0, /**/ 0, 0, // pan up
        1, 1, /**/ 0, 0, /**/ -1, 1, /**/ -Drift, Drift, /**/ 0, 0, /**/ 0, 0, // pan down
        1, 1, /**/ 0, 0, /**/ 0, 0, /**/ 0, 0, /**/ 0, 0, /**/ 1, Drift, // sway
    ];

    private const int MoveCount = 7;

    /// <summary>image [h, w, 3] bytes, film's size, move, amount → picture [1, 3, ph, pw], 0 … 255.</summary>
    public static Graph Picture()
    {
        var g = new Graph("picture");
        var image = g.Input("image", Element.UInt8, "image_height", "image_width", 3);
        var size = g.Input("size", Element.Int64, 2); // height, width
        var move = g.Input("move", Element.Float, MoveCount);
        var amount = g.Input("amount", Element.Float);

        // The largest window of the film's shape in the middle of the image.
        var imageSize = image.Shape().Range(0, 2).Cast(Element.Double);
        var filmSize = size.Cast(Element.Double);
        var fit = g.Op("ReduceMin", [imageSize / filmSize]);
        var window = AtLeastOne(g, g.Op("Min", [Round(g, filmSize * fit), imageSize]));
        var start = g.Op("Floor", [(imageSize - window) / 2]);
        var cut = g.Op("Slice", [image, start.Cast(Element.Int64), (start + window).Cast(Element.Int64), g.Int64s(0, 1)]);

        // As many pixels as the film shows in the middle of the move, so that its ends are about equally soft and sharp;
        // antialiased, so that a large photo does not shimmer.
        var middle = Lerp(Row(g, move), 0, g.Scalar(0.5f));
        var scale = Zoom(g, amount, middle).Cast(Element.Double);
        var pictureSize = AtLeastOne(g, Round(g, filmSize * scale)).Cast(Element.Int64);
        var picture = g.Op(
            "Resize",
            [cut.Transpose(2, 0, 1).Unsqueeze(0), g.None, g.None, Concat(g, 0, g.Int64s(1, 3), pictureSize)],
            null,
            Attr.String("mode", "cubic"),
            Attr.Float("cubic_coeff_a", -0.5f),
            Attr.Int("antialias", 1),
            Attr.String("coordinate_transformation_mode", "half_pixel"));

        g.Output("picture", picture.Cast(Element.Float), 1, 3, "picture_height", "picture_width");
        return g;
    }

    /// <summary>picture [1, 3, ph, pw], numbers of frames [n], how many there are, size, move, amount, drift → frames [n, h, w, 3] bytes.</summary>
    public static Graph Camera()
    {
        var g = new Graph("camera");
        var picture = g.Input("picture", Element.Float, 1, 3, "picture_height", "picture_width");
        var frames = g.Input("frames", Element.Int64, "n"); // from 0
        var total = g.Input("num_frames", Element.Int64);
        var size = g.Input("size", Element.Int64, 2); // height, width
        var move = g.Input("move", Element.Float, MoveCount); // 1 for one of the rows, else 0
        var amount = g.Input("amount", Element.Float); // 0 … 1
        var drift = g.Input("drift", Element.Float, 2); // x, y: −1 … 1, from the seed

        // 1. Where each frame is on the way, 0 … 1, eased: it starts and ends at rest.
        var last = g.Op("Max", [total - 1, g.Scalar(1L)]).Cast(Element.Float);
        var time = frames.Cast(Element.Float) / last;
        var eased = time * time * (3 - (2 * time));
        var swing = g.Op("Sin", [eased * MathF.PI]);

        // 2. How close the window is, and where: [n] each.
        var row = Row(g, move);
        var view = 1 / Zoom(g, amount, Lerp(row, 0, eased));
        var free = 1 - view;
        var x = Lerp(row, 2, eased) + (Lerp(row, 6, eased) * drift.At(0)) + (row.At(10) * swing);
        var y = Lerp(row, 4, eased) + (Lerp(row, 8, eased) * drift.At(1)) + (row.At(11) * swing * drift.At(1));

        // 3. The point of the picture under each pixel's centre, −1 … 1; |x|, |y| ≤ 1 keeps it inside.
        var gridX = (Centres(g, size.At(1)).Unsqueeze(0) * view.Unsqueeze(1)) + (x * free).Unsqueeze(1); // [n, w]
        var gridY = (Centres(g, size.At(0)).Unsqueeze(0) * view.Unsqueeze(1)) + (y * free).Unsqueeze(1); // [n, h]
        var n = frames.Shape();
        var shape = Concat(g, 0, n, size);
        var grid = Concat(g, -1, gridX.Unsqueeze(1, 3).Expand(Concat(g, 0, shape, g.Int64s(1))), gridY.Unsqueeze(2, 3).Expand(Concat(g, 0, shape, g.Int64s(1))));

        // 4. Look: frames below each other are one picture to the sampler, so the picture is not copied for each.
        var tall = Concat(g, 0, n * size.Range(0, 1), size.Range(1, 2));
        var sampled = g.Op(
            "GridSample",
            [picture, grid.Reshape(Concat(g, 0, g.Int64s(1), tall, g.Int64s(2)))],
            null,
            Attr.String("mode", "bilinear"),
            Attr.String("padding_mode", "border"),
            Attr.Int("align_corners", 0));

        // 5. Bytes, red first. Bilinear stays within 0 … 255, so nothing needs clipping.
        var bytes = Round(g, sampled).Cast(Element.UInt8).Transpose(0, 2, 3, 1).Reshape(Concat(g, 0, shape, g.Int64s(3)));
        g.Output("film", bytes, "n", "height", "width", 3);
        return g;
    }

    /// <summary>The move's row of the table.</summary>
    private static Value Row(Graph g, Value move) =>
        g.Op("MatMul", [move, g.Constant<float>(Moves, MoveCount, Moves.Length / MoveCount)]);

    /// <summary>Between two neighbouring columns.</summary>
    private static Value Lerp(Value row, int column, Value at) => row.At(column) + ((row.At(column + 1) - row.At(column)) * at);

    private static Value Zoom(Graph g, Value amount, Value exponent) => g.Op("Pow", [1 + (Reach * amount), exponent]);

    /// <summary>The middles of <paramref name="count"/> equal parts of −1 … 1.</summary>
    private static Value Centres(Graph g, Value count)
    {
        var index = g.Op("Range", [g.Scalar(0L), count, g.Scalar(1L)]).Cast(Element.Float);
        return (((2 * index) + 1) / count.Cast(Element.Float)) - 1;
    }

    private static Value Round(Graph g, Value value) => g.Op("Round", [value]);

    private static Value AtLeastOne(Graph g, Value value) => g.Op("Max", [value, g.Number(1, value.Type)]);

    private static Value Concat(Graph g, long axis, params Value[] parts) => g.Op("Concat", parts, null, Attr.Int("axis", axis));
}
