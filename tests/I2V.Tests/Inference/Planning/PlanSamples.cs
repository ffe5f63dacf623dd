using I2V.Inference.Devices;
using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;

namespace I2V.Tests.Inference.Planning;

/// <summary>I2VGen-XL at its published size with the figures that were measured on a GPU (GB are 10⁹ bytes), and small made-up devices.</summary>
internal static class PlanSamples
{
    public const string Gpu = "NVIDIA H200";

    public static PlanRequest Film512 { get; } = new(512, 512, 16, Steps: 50, Guided: true);

    public static PlanRequest Film768 { get; } = new(768, 768, 24, Steps: 50, Guided: true);

    public static PlanRequest FilmWide { get; } = new(1280, 704, 16, Steps: 50, Guided: true);

    public static ModelManifest I2VGenXl { get; } = new()
    {
        Name = "i2vgen-xl",
        Family = "i2vgen-xl",
        Version = "1.0.0",
        Precision = "fp16",
        Components = new Dictionary<string, ModelComponent>
        {
            ["text_encoder"] = Network(680_000_000),
            ["image_encoder"] = Network(1_260_000_000),
            ["vae_encoder"] = Network(68_000_000),
            ["vae_decoder"] = Network(99_000_000),
            ["conditioning"] = Network(20_000_000),
            ["unet"] = Network(2_825_000_000) with
            {
                Units = [Unit("first", 40_000_000), Unit("largest", 98_000_000)],
                Variants = new Dictionary<string, ComponentVariant>
                {
                    ["whole"] = new("whole.onnx", 2_825_000_000),
                    ["int8"] = new("int8.onnx", 1_440_000_000) { Units = [Unit("largest", 50_000_000)] },
                },
            },
        },
        Frames = new FrameLimits("any", 1, 32),
        Sizes = new SizeLimits(64, 64, 2048, 512),
        Fps = new Range<int>(1, 30),
        Steps = new Range<int>(1, 999),
        UsedSettings = ["prompt"],
        Defaults = new ModelDefaults { NumFrames = 16, Fps = 8, Preset = "standard", Sampler = "ddim" },
        Presets = new Dictionary<string, ModelPreset> { ["draft"] = new(25), ["standard"] = new(35), ["final"] = new(50) },
        Latent = new LatentFacts(4, 8, 1, 0.18125),
        Memory = new Dictionary<string, MemoryTerm>
        {
            ["text_encoder"] = new(30_000_000, 0),
            ["image_encoder"] = new(60_000_000, 0),
            ["vae_encoder"] = new(0, 90_000),
            ["vae_decoder"] = new(0, 83_400),
            ["conditioning"] = new(0, 200),
            ["unet"] = new(12_000_000, 7_612),
            ["unet.whole"] = new(12_000_000, 19_056),
            ["unet.units"] = new(30_000_000, 7_612),
            ["unet.int8"] = new(12_000_000, 7_612),
        },
        Envelope = MissionEnvelope,
        Files = new Dictionary<string, string>(),
    };

    /// <summary>Under 12 GB free 512p and 16 frames, under 16 GB 768p and 24, above 1024p and 32.</summary>
    public static IReadOnlyList<EnvelopeLine> MissionEnvelope =>
    [
        new(12L << 30, Resolution.PixelsOf(512), 16), new(16L << 30, Resolution.PixelsOf(768), 24), new(null, Resolution.PixelsOf(1024), 32),
    ];

    public static ModelManifest Motion { get; } = I2VGenXl with
    {
        Name = "motion",
        Family = "motion",
        Components = new Dictionary<string, ModelComponent> { ["picture"] = Network(4_000), ["camera"] = Network(4_000) },
        Sizes = new SizeLimits(2, 64, 1024, 512),
        Steps = null,
        Presets = null,
        Defaults = new ModelDefaults { NumFrames = 16, Fps = 8 },
        Latent = null,
        Memory = null,
        Envelope = null,
    };

    /// <summary>An idle card with so many bytes free, in a host with plenty.</summary>
    public static DeviceSnapshot Card(long freeBytes) => new()
    {
        Provider = "cuda",
        Id = "GPU-1",
        Name = Gpu,
        TotalBytes = freeBytes,
        FreeBytes = freeBytes,
        HeldBytes = 0,
        OverheadBytes = 620_000_000,
        HostFreeBytes = 64L << 30,
    };

    /// <param name="gibibytes">All of them free.</param>
    public static DeviceSnapshot Card(double gibibytes) => Card((long)(gibibytes * (1L << 30)));

    /// <summary>Exactly so much may be planned on it.</summary>
    public static DeviceSnapshot WithBudget(this DeviceSnapshot device, long bytes) =>
        device with { FreeBytes = bytes + Budget.MarginOf(device), HeldBytes = 0 };

    public static PlanOutcome Plan(PlanRequest request, DeviceSnapshot device, FitRules? rules = null, ModelManifest? manifest = null, params FitProfile[] learned) =>
        new Planner(manifest ?? I2VGenXl, device, rules ?? FitRules.Default, learned).Plan(request);

    public static Plan Planned(PlanOutcome outcome)
    {
        Assert.True(outcome.IsPlanned, outcome.Refusal?.Message);
        return outcome.Plan;
    }

    public static PlanRefusal Refused(PlanOutcome outcome)
    {
        Assert.False(outcome.IsPlanned, $"{outcome.Plan?.Settings} on {outcome.Plan?.Rung.Name}");
        return outcome.Refusal;
    }

    public static Rung RungOf(string name, PlanRequest settings, ModelManifest? manifest = null) =>
        Ladder.Of(manifest ?? I2VGenXl, settings, "cuda").Single(rung => rung.Name == name);

    public static FitProfile Profile(string rung, PlanRequest settings, long encoding, long denoising, long decoding) => new()
    {
        Device = Gpu,
        Rung = rung,
        Width = settings.Width,
        Height = settings.Height,
        NumFrames = settings.NumFrames,
        Guided = settings.Guided,
        PhasePeakBytes = new Dictionary<string, long> { ["encoding"] = encoding, ["denoising"] = denoising, ["decoding"] = decoding },
    };

    public static FitShortage Shortage(string rung, PlanRequest settings, GenerationPhase phase, long neededBytes) => new()
    {
        Rung = rung,
        Phase = phase,
        Width = settings.Width,
        Height = settings.Height,
        NumFrames = settings.NumFrames,
        Guided = settings.Guided,
        NeededBytes = neededBytes,
    };

    public static ModelComponent Network(long weightBytes) => new("graph.onnx", "fused", weightBytes);

    public static ComponentUnit Unit(string name, long weightBytes) => new(name, "unit.onnx", weightBytes) { Inputs = [], Outputs = [] };
}
