using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Media;

namespace I2V.Inference.Pipelines;

/// <summary>A camera move over one picture, made by the package's two graphs.</summary>
internal sealed class MotionPipeline : IVideoPipeline
{
    /// <summary>Pixels of film in one run of the graph: the bound on its memory, and on how late a cancellation can be.</summary>
    private const int PixelsPerRun = 1 << 20;

    private const double DefaultAmount = 0.5;

    private static readonly Dictionary<string, long> NoSizes = [];

    private readonly Network picture;
    private readonly Network camera;

    public MotionPipeline(ModelPackage package, DeviceOptions device)
    {
        Manifest = package.Manifest;
        picture = Network.Load(package, "picture", device);
        try
        {
            camera = Network.Load(package, "camera", device);
            GraphLoader.RequireDevice(device, picture.Session, camera.Session);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public ModelManifest Manifest { get; }

    public void WarmUp(CancellationToken ct)
    {
        var side = Manifest.Sizes.Min;
        var request = new GenerationRequest
        {
            Image = new RgbImage(side, side, new byte[side * side * 3]),
            Width = side,
            Height = side,
            NumFrames = 2,
            Fps = Manifest.Defaults.Fps,
            Seed = 0,
        };
        foreach (var _ in Generate(request, progress: null, ct))
        {
            ct.ThrowIfCancellationRequested();
        }
    }

    public IEnumerable<RgbImage> Generate(GenerationRequest request, IProgress<GenerationProgress>? progress, CancellationToken ct)
    {
        RequestChecks.Require(Manifest, request);
        return Film(request, progress, ct);
    }

    public void Dispose()
    {
        picture.Dispose();
        camera?.Dispose();
    }

    private IEnumerable<RgbImage> Film(GenerationRequest request, IProgress<GenerationProgress>? progress, CancellationToken ct)
    {
        // 1. Say the request in numbers: which move, how far, where the seed lets it drift.
        using var move = OneHot(CameraMove.Parse(request.Prompt));
        using var amount = Tensor([(float)(request.MotionAmount ?? Manifest.Defaults.MotionAmount ?? DefaultAmount)]);
        using var drift = Tensor(SeedDrift.From(request.Seed), 2);
        using var size = Tensor([(long)request.Height, request.Width], 2);
        using var total = Tensor([(long)request.NumFrames]);

        // 2. Cut the image to the film's shape and bring it near the film's scale, once.
        progress?.Report(new GenerationProgress(GenerationPhase.Encoding, 1, 1));
        using var image = Tensor(request.Image.Pixels, request.Image.Height, request.Image.Width, 3);
        using var still = Run(picture, new() { ["image"] = image, ["size"] = size, ["move"] = move, ["amount"] = amount }, "picture", ct);

        // 3. Look through the camera, as many frames at a time as memory is worth.
        var framesPerRun = Math.Max(1, PixelsPerRun / (request.Width * request.Height));
        foreach (var numbers in Enumerable.Range(0, request.NumFrames).Select(number => (long)number).Chunk(framesPerRun))
        {
            using var frames = Tensor(numbers, numbers.Length);
            using var film = Run(
                camera,
                new() { ["picture"] = still, ["frames"] = frames, ["num_frames"] = total, ["size"] = size, ["move"] = move, ["amount"] = amount, ["drift"] = drift },
                "film",
                ct);

            // 4. Hand them on one by one, so that the encoder works while the rest is made.
            for (var i = 0; i < numbers.Length; i++)
            {
                ct.ThrowIfCancellationRequested();
                progress?.Report(new GenerationProgress(GenerationPhase.Decoding, (int)numbers[i] + 1, request.NumFrames));
                yield return Frame(film, i, request.Width, request.Height);
            }
        }
    }

    private static RgbImage Frame(OrtValue film, int index, int width, int height)
    {
        var bytes = width * height * 3;
        return new RgbImage(width, height, film.GetTensorDataAsSpan<byte>().Slice(index * bytes, bytes).ToArray());
    }

    private static OrtValue Run(Network network, Dictionary<string, OrtValue> inputs, string output, CancellationToken ct) =>
        network.Run(NoSizes, inputs, [(output, Place.Host)], ct)[0];

    private static OrtValue OneHot(CameraMoveKind kind)
    {
        var row = new float[Enum.GetValues<CameraMoveKind>().Length];
        row[(int)kind] = 1;
        return Tensor(row, row.Length);
    }

    private static OrtValue Tensor<T>(T[] data, params long[] shape)
        where T : unmanaged => OrtValue.CreateTensorValueFromMemory(data, shape);
}
