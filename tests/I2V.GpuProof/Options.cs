using System.Globalization;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;

namespace I2V.GpuProof;

/// <summary>What the command line says after the paths: <c>--name value</c>.</summary>
internal sealed record Options
{
    public string Size { get; init; } = "full";

    public ulong Seed { get; init; } = 4;

    public string Provider { get; init; } = "cuda";

    /// <summary>Height, width and frames, as the reference names them.</summary>
    public IReadOnlyList<FilmSize> Sizes { get; init; } = [.. ((string[])["512x512x16", "704x1280x16", "768x768x24"]).Select(FilmSize.Parse)];

    public int Steps { get; init; } = 50;

    /// <summary>Whether the package gets 8-bit weights as well.</summary>
    public bool EightBit { get; init; }

    /// <summary>Names of rungs to measure; all of them when there are none.</summary>
    public IReadOnlyList<string> Rungs { get; init; } = [];

    /// <summary>Names of ways to run networks (<c>NetworkWay</c>); all of them when there are none.</summary>
    public IReadOnlyList<string> Ways { get; init; } = [];

    /// <summary>A folder of the reference's numbers; null for none.</summary>
    public string? Reference { get; init; }

    /// <summary>Sizes of the cards to simulate, in GB = 2³⁰ bytes.</summary>
    public IReadOnlyList<double> CardsGb { get; init; } = [12];

    /// <summary>What does not end within so many seconds is ended, and fails.</summary>
    public int LimitSeconds { get; init; } = 240;

    /// <summary>Bytes of the card that a neighbour leaves free from the middle of the job on; null for no such neighbour.</summary>
    public long? SqueezeToBytes { get; init; }

    public CudaTuning Tuning { get; init; } = new();

    public bool Takes(string way) => Ways.Count == 0 || Ways.Contains(way);

    /// <summary>One graph for speed, memory and equality: the denoiser that needs less, with everything resident.</summary>
    public static Techniques Usual { get; } = new() { ChunkedFeedForward = true, FramesPerDecode = 2 };

    public DeviceOptions Device => new() { Provider = Provider, Tuning = Tuning };

    public static int Usage()
    {
        Console.Error.WriteLine(
            """
            usage: I2V.GpuProof build PACKAGE | networks PACKAGE REFERENCE OUT.json | film PACKAGE REFERENCE OUT.json
                   | steps|decode|clip PACKAGE OUT.json | spread PACKAGE OUT.json | check FOLDER
                   | techniques PACKAGE OUT.json | streaming PACKAGE OUT.json
                   | rungs|cards PACKAGE OUT.json, each measurement in a process of its own, and a table beside OUT.json
                   | rung|card PACKAGE OUT.json, in this process | hold
            options: --size full|small|tiny  --seed N  --provider cuda|webgpu|cpu  --sizes HxWxF,…  --steps N
                     --weights int8  --ways NAME,… (own graph, whole, streamed, int8, int8 streamed)  --reference FOLDER
                     --rungs NAME,…  --gb N,…  --squeeze BYTES  --limit-seconds N
                     --tuning name=value  (own_allocator, graph_optimization, or an option of the CUDA provider)
            """);
        return 2;
    }

    public static Options Parse(string[] arguments)
    {
        var options = new Options();
        for (var i = 0; i + 1 < arguments.Length; i += 2)
        {
            options = options.With(arguments[i], arguments[i + 1]);
        }

        return arguments.Length % 2 == 0 ? options : throw new ArgumentException($"{arguments[^1]} has no value.");
    }

    private Options With(string name, string value) => name switch
    {
        "--size" => this with { Size = value },
        "--seed" => this with { Seed = ulong.Parse(value, CultureInfo.InvariantCulture) },
        "--provider" => this with { Provider = value },
        "--sizes" => this with { Sizes = [.. value.Split(',').Select(FilmSize.Parse)] },
        "--steps" => this with { Steps = int.Parse(value, CultureInfo.InvariantCulture) },
        "--weights" => this with { EightBit = value == "int8" },
        "--rungs" => this with { Rungs = value.Split(',') },
        "--ways" => this with { Ways = value.Split(',') },
        "--reference" => this with { Reference = value },
        "--gb" => this with { CardsGb = [.. value.Split(',').Select(card => double.Parse(card, CultureInfo.InvariantCulture))] },
        "--limit-seconds" => this with { LimitSeconds = int.Parse(value, CultureInfo.InvariantCulture) },
        "--squeeze" => this with { SqueezeToBytes = long.Parse(value, CultureInfo.InvariantCulture) },
        "--tuning" => this with { Tuning = Tuned(Tuning, value.Split('=', 2)) },
        _ => throw new ArgumentException($"{name} is not an option."),
    };

    private static CudaTuning Tuned(CudaTuning tuning, string[] pair) => pair[0] switch
    {
        "own_allocator" => tuning with { OwnAllocator = pair[1] == "1" },
        "shared_stream" => tuning with { SharedStream = pair[1] == "1" },
        "graph_optimization" => tuning with { GraphOptimization = (GraphOptimizationLevel)int.Parse(pair[1], CultureInfo.InvariantCulture) },
        _ => tuning with { ProviderOptions = new Dictionary<string, string>(tuning.ProviderOptions) { [pair[0]] = pair[1] } },
    };
}

internal sealed record FilmSize(int Height, int Width, int Frames)
{
    public static FilmSize Parse(string text)
    {
        var parts = text.Split('x').Select(part => int.Parse(part, CultureInfo.InvariantCulture)).ToArray();
        return new FilmSize(parts[0], parts[1], parts[2]);
    }

    /// <summary>Of the latents, for both guidance halves.</summary>
    public Dictionary<string, long> Latents(int halves = 2) => new() { ["b"] = halves, ["f"] = Frames, ["h"] = Height / 8, ["w"] = Width / 8 };

    public override string ToString() => FormattableString.Invariant($"{Height}x{Width}x{Frames}");
}
