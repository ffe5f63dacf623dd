using I2V.Inference.Pipelines;
using I2V.Media;

namespace I2V.Tests.Inference;

/// <summary>A window in a picture; all in parts of the picture's sides, the centre first.</summary>
internal readonly record struct RampView(double X, double Y, double Width, double Height)
{
    /// <summary>Which part of <see cref="PhotoSamples.Ramp"/> a frame shows, by the straight line that fits its pixels best.</summary>
    public static RampView Of(RgbImage frame)
    {
        var (x, width) = Fit(frame, channel: 0, frame.Width, (px, _) => px);
        var (y, height) = Fit(frame, channel: 1, frame.Height, (_, py) => py);
        return new RampView(x, y, width, height);
    }

    private static (double Centre, double Size) Fit(RgbImage frame, int channel, int count, Func<int, int, int> index)
    {
        double sum = 0, product = 0, square = 0, pixels = frame.Width * frame.Height;
        for (var py = 0; py < frame.Height; py++)
        {
            for (var px = 0; px < frame.Width; px++)
            {
                var place = (frame.At(px, py, channel) - 20) / 200.0;
                var from = ((index(px, py) + 0.5) / count) - 0.5;
                sum += place;
                product += place * from;
                square += from * from;
            }
        }

        return (sum / pixels, product / square);
    }
}

/// <summary>The camera's path as it is meant to be, written down independently of the graph.</summary>
internal static class CameraPath
{
    private const double Drift = 0.6;

    public static RampView At(CameraMoveKind kind, double time, double amount, long seed)
    {
        var eased = time * time * (3 - (2 * time));
        var swing = Math.Sin(Math.PI * eased);
        var (dx, dy) = (Drift * SeedDrift.From(seed)[0], Drift * SeedDrift.From(seed)[1]);
        var across = (2 * eased) - 1;
        var (zoom, x, y) = kind switch
        {
            CameraMoveKind.ZoomIn => (eased, dx, dy),
            CameraMoveKind.ZoomOut => (1 - eased, dx, dy),
            CameraMoveKind.PanLeft => (1, -across, dy * across),
            CameraMoveKind.PanRight => (1, across, dy * across),
            CameraMoveKind.PanUp => (1, dx * across, -across),
            CameraMoveKind.PanDown => (1, dx * across, across),
            CameraMoveKind.Sway => (1.0, swing, dy * swing),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "There is no such move."),
        };
        var side = Math.Pow(1 + (0.5 * amount), -zoom);
        return new RampView(0.5 + (x * (1 - side) / 2), 0.5 + (y * (1 - side) / 2), side, side);
    }
}
