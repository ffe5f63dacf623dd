using FsCheck;
using FsCheck.Fluent;
using I2V.Inference.Devices;
using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;

namespace I2V.Tests.Inference.Planning;

/// <summary>All that a plan depends on, made up.</summary>
internal sealed record PlanCase(ModelManifest Manifest, DeviceSnapshot Device, PlanRequest Request, FitRules Rules, IReadOnlyList<FitProfile> Learned)
{
    public IReadOnlyList<FitShortage> Shortages { get; init; } = [];

    public Planner Planner => new(Manifest, Device, Rules, Learned, Shortages);

    public IReadOnlyList<FitProfile> Profiles => [.. Manifest.FitProfiles ?? [], .. Learned];

    /// <summary>Packages of every kind on devices of every size.</summary>
    public static Arbitrary<PlanCase> Any => Arb.From(
        from manifest in Manifests
        from film in Films(manifest)
        from device in Devices
        from rules in AnyRules(film)
        from own in Gen.ArrayOf(AnyProfile(manifest, film))
        from learned in Gen.ArrayOf(AnyProfile(manifest, film))
        from shortages in Gen.ArrayOf(AnyShortage(manifest, film))
        select new PlanCase(manifest with { FitProfiles = [.. own.Take(2)] }, device, film, rules, [.. learned.Take(3)]) { Shortages = [.. shortages.Take(3)] });

    /// <summary>The same without anything learned.</summary>
    public static Arbitrary<PlanCase> Unmeasured => Arb.From(
        Any.Generator.Select(any => any with { Manifest = any.Manifest with { FitProfiles = null }, Learned = [], Shortages = [] }));

    private static Gen<bool> Coin => Gen.Elements(true, false);

    private static Gen<long> Megabytes(int most) => Gen.Choose(1, most).Select(count => count * 1_000_000L);

    private static Gen<ModelManifest> Manifests =>
        from family in Gen.Frequency((9, Gen.Constant("i2vgen-xl")), (1, Gen.Constant("motion")))
        from unet in Denoisers
        from weights in Gen.ArrayOf(Megabytes(1500), 5)
        from memory in Gen.Frequency((5, Memories.Select(terms => (IReadOnlyDictionary<string, MemoryTerm>?)terms)), (1, Gen.Constant<IReadOnlyDictionary<string, MemoryTerm>?>(null)))
        from frames in Gen.Elements(new FrameLimits("any", 1, 32), new FrameLimits("any", 4, 24), new FrameLimits("4k+1", 1, 49), new FrameLimits("4k+1", 5, 33))
        from sizes in Gen.Elements(new SizeLimits(64, 64, 2048, 512), new SizeLimits(8, 128, 640, 256), new SizeLimits(32, 32, 1024, 512))
        from envelope in Envelopes
        select PlanSamples.I2VGenXl with
        {
            Family = family,
            Components = new Dictionary<string, ModelComponent>
            {
                ["text_encoder"] = PlanSamples.Network(weights[0]),
                ["image_encoder"] = PlanSamples.Network(weights[1]),
                ["vae_encoder"] = PlanSamples.Network(weights[2]),
                ["vae_decoder"] = PlanSamples.Network(weights[3]),
                ["conditioning"] = PlanSamples.Network(weights[4]),
                ["unet"] = unet,
            },
            Frames = frames,
            Sizes = sizes,
            Latent = new LatentFacts(4, 8, frames.Rule == "any" ? 1 : 4, 1),
            Memory = memory,
            Envelope = envelope,
        };

    private static Gen<ModelComponent> Denoisers =>
        from weights in Megabytes(6000)
        from units in Gen.Elements(0, 3, 20)
        from hasWhole in Coin
        from hasEightBit in Coin
        from eightBitIsCut in Coin
        let cut = units == 0 ? null : Enumerable.Range(0, units).Select(unit => PlanSamples.Unit($"{unit}", weights / units)).ToList()
        let half = cut is null || !eightBitIsCut ? null : cut.ConvertAll(unit => unit with { WeightBytes = unit.WeightBytes / 2 })
        select PlanSamples.Network(weights) with
        {
            Units = cut,
            Variants = new Dictionary<string, ComponentVariant>(
            [
                .. hasWhole ? [KeyValuePair.Create("whole", new ComponentVariant("whole.onnx", weights))] : Array.Empty<KeyValuePair<string, ComponentVariant>>(),
                .. hasEightBit ? [KeyValuePair.Create("int8", new ComponentVariant("int8.onnx", weights / 2) { Units = half })] : Array.Empty<KeyValuePair<string, ComponentVariant>>(),
            ]),
        };

    private static Gen<IReadOnlyDictionary<string, MemoryTerm>> Memories =>
        from names in Gen.SubListOf("text_encoder", "image_encoder", "vae_encoder", "vae_decoder", "conditioning", "unet", "unet.whole", "unet.units", "unet.int8", "unet.int8.units")
        from fixedBytes in Gen.ArrayOf(Megabytes(200), 10)
        from slopes in Gen.ArrayOf(Gen.Choose(0, 100_000), 10)
        select (IReadOnlyDictionary<string, MemoryTerm>)names.Select((name, i) => (name, Term: new MemoryTerm(fixedBytes[i], slopes[i])))
            .ToDictionary(pair => pair.name, pair => pair.Term);

    private static Gen<IReadOnlyList<EnvelopeLine>?> Envelopes => Gen.Frequency(
        (2, Gen.Constant<IReadOnlyList<EnvelopeLine>?>(null)),
        (3, Gen.Constant<IReadOnlyList<EnvelopeLine>?>(PlanSamples.MissionEnvelope)),
        (2,
            from below in Megabytes(20_000)
            from more in Megabytes(20_000)
            from lines in Gen.ArrayOf(Gen.Choose(64, 1024), 3)
            from frames in Gen.ArrayOf(Gen.Choose(1, 32), 3)
            from isOpen in Coin
            select (IReadOnlyList<EnvelopeLine>?)
            [
                new(below, Resolution.PixelsOf(lines[0]), frames[0]),
                new(below + more, Resolution.PixelsOf(lines[1]), frames[1]),
                new(isOpen ? null : below + more + more, Resolution.PixelsOf(lines[2]), frames[2]),
            ]));

    private static Gen<PlanRequest> Films(ModelManifest manifest) =>
        from width in Sides(manifest.Sizes)
        from height in Sides(manifest.Sizes)
        from frames in Gen.Choose(manifest.Frames.Min, manifest.Frames.Max)
        from isWhole in Gen.Frequency((3, Gen.Constant(true)), (1, Gen.Constant(false)))
        from guided in Coin
        let ruled = manifest.Frames.Rule == "4k+1" && isWhole ? Math.Max(frames - ((frames - 1) % 4), manifest.Frames.Min) : frames
        select new PlanRequest(width, height, ruled, Steps: 25, guided);

    private static Gen<int> Sides(SizeLimits limits) =>
        Gen.Choose(limits.Min / limits.MultipleOf, Math.Min(limits.Max, 1280) / limits.MultipleOf).Select(count => count * limits.MultipleOf);

    private static Gen<DeviceSnapshot> Devices =>
        from provider in Gen.Frequency((6, Gen.Constant("cuda")), (1, Gen.Constant("webgpu")), (2, Gen.Constant("cpu")))
        from free in Gen.OneOf(Megabytes(6_000), Megabytes(30_000))
        from held in Gen.OneOf(Gen.Constant(0L), Megabytes(3_000))
        from used in Megabytes(4_000)
        from overhead in Gen.Elements(0L, 300_000_000L, 620_000_000L)
        from host in Gen.OneOf(Megabytes(6_000), Gen.Constant(64_000_000_000L))
        select new DeviceSnapshot
        {
            Provider = provider,
            Id = "0",
            Name = PlanSamples.Gpu,
            TotalBytes = free + held + used,
            FreeBytes = free,
            HeldBytes = held,
            OverheadBytes = overhead,
            HostFreeBytes = host,
        };

    private static Gen<FitRules> AnyRules(PlanRequest film) =>
        from mode in Gen.Frequency((4, Gen.Constant(FitMode.Degrade)), (1, Gen.Elements(FitMode.Wait, FitMode.Fail)))
        from width in Floor(film.Width)
        from height in Floor(film.Height)
        from frames in Floor(film.NumFrames)
        select new FitRules(mode, width, height, frames);

    private static Gen<int?> Floor(int asked) => Gen.Frequency((2, Gen.Constant<int?>(null)), (1, Gen.Choose(1, asked).Select(floor => (int?)floor)));

    /// <summary>Half of them of the film itself.</summary>
    private static Gen<FitProfile> AnyProfile(ModelManifest manifest, PlanRequest film) =>
        from rung in Gen.Elements(Ladder.Names.ToArray())
        from settings in Gen.OneOf(Gen.Constant(film), Films(manifest))
        from device in Gen.Elements(PlanSamples.Gpu, "another")
        from bytes in Gen.ArrayOf(Megabytes(12_000), 3)
        from seconds in Gen.OneOf(Gen.Constant<double?>(null), Gen.Choose(1, 1000).Select(count => (double?)count / 100))
        select PlanSamples.Profile(rung, settings, bytes[0], bytes[1], bytes[2]) with { Device = device, SecondsPerStep = seconds };

    private static Gen<FitShortage> AnyShortage(ModelManifest manifest, PlanRequest film) =>
        from rung in Gen.Elements(Ladder.Names.ToArray())
        from phase in Gen.Elements(GenerationPhase.Loading, GenerationPhase.Encoding, GenerationPhase.Denoising, GenerationPhase.Decoding)
        from settings in Gen.OneOf(Gen.Constant(film), Films(manifest))
        from bytes in Megabytes(12_000)
        select PlanSamples.Shortage(rung, settings, phase, bytes);
}
