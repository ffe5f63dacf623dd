using System.Collections.Concurrent;
using I2V.Inference.Devices;
using I2V.Inference.Models;
using I2V.Inference.Pipelines;

namespace I2V.Inference.Planning;

/// <summary>
/// How much of a device's memory a film needs, from the package's own figures alone; <see cref="CalibratedMemory"/> lets
/// measured runs correct it.
/// </summary>
/// <remarks>
/// <para>
/// In each phase, and for each network that runs in it: bytes of the process =
/// <see cref="DeviceSnapshot.OverheadBytes"/> + <see cref="NetworkBytes"/> · networks on the device + their weights +
/// <see cref="Safety"/> · (fixed + per voxel · b·f·h·w) of the <see cref="MemoryTerm"/> of the one that runs. The phase needs the
/// largest of these. Loading, with its warm-up run, is the three phases at the model's smallest size.
/// </para>
/// <para>
/// What is on the device: everything, but for what is released outside its own phase. With <see cref="Techniques.EncodersReleased"/>
/// one of text encoder, image encoder, autoencoder's encoder and conditioning is there at a time, while encoding;
/// with <see cref="Techniques.DecoderReleased"/> the decoder only while decoding; with <see cref="Techniques.DenoiserReleased"/> the denoiser
/// only while denoising. A streamed denoiser takes two places of its largest unit's weights; what of it stays is in the fixed bytes of
/// its term <c>unet.units</c>.
/// </para>
/// <para>
/// b is 2 with guidance, 1 without it or with serial guidance; f, h and w are latent sizes, f at most a window's. The decoder's voxels
/// are those of the frames of one call, the autoencoder's encoder's those of one picture, both of a tile of 96×96 at most when tiles are
/// used. Text and image encoder have no sizes: their terms are fixed.
/// </para>
/// </remarks>
public sealed class MemoryModel
{
    /// <summary>
    /// Of each network on a GPU besides its tensors: library handles, work spaces and the unused rest of pages. Measured at I2VGen-XL's full
    /// size, six loaded networks took 0.18 GB more than context, weights and tensors, two 0.01 to 0.03 GB: 40 MiB each are never too few.
    /// </summary>
    public const long NetworkBytes = 40L << 20;

    /// <summary>On what a run needs besides weights: the terms are straight lines through measured points.</summary>
    public const double Safety = 1.02;

    private readonly ModelManifest manifest;
    private readonly DeviceSnapshot device;
    private readonly NetworkRoles? roles;
    private readonly NetworkTerms terms;
    private readonly ConcurrentDictionary<Techniques, long> loading = new();

    public MemoryModel(ModelManifest manifest, DeviceSnapshot device)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(device);
        (this.manifest, this.device) = (manifest, device);
        roles = NetworkRoles.Of(manifest);
        terms = new NetworkTerms(manifest);
    }

    private bool IsProcessor => device.Provider == "cpu";

    /// <summary>Bytes of the whole process in each phase.</summary>
    /// <param name="settings">Within the model's limits.</param>
    /// <param name="techniques">Any set, not only a rung's.</param>
    public PhasePeaks Peaks(PlanRequest settings, Techniques techniques)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(techniques);
        long Of(GenerationPhase phase) => Total(phase, settings, techniques, factor: 1);
        return new PhasePeaks(Loading(techniques), Of(GenerationPhase.Encoding), Of(GenerationPhase.Denoising), Of(GenerationPhase.Decoding));
    }

    /// <summary>
    /// Bytes of the host that weights take: those of a streamed denoiser, which lie there as long as it is used, and the largest of
    /// the released networks, which comes back through the host's memory. 0 on the processor, whose memory is the device's.
    /// </summary>
    public long HostBytes(Techniques techniques)
    {
        ArgumentNullException.ThrowIfNull(techniques);
        if (roles is null || IsProcessor)
        {
            return 0;
        }

        var denoiser = terms.DenoiserWeights(roles, techniques);
        long[] released =
        [
            techniques.EncodersReleased ? roles.Encoders.Max(Weights) : 0,
            techniques.DecoderReleased ? Weights(roles.Decoder) : 0,
            techniques.DenoiserReleased && !techniques.Streamed ? denoiser : 0,
        ];
        return released.Max() + (techniques.Streamed ? denoiser : 0);
    }

    internal long Loading(Techniques techniques) => loading.GetOrAdd(techniques, LoadingOf);

    /// <summary>Bytes of the whole process in a phase when runs need <paramref name="factor"/> times what their terms say.</summary>
    internal long Total(GenerationPhase phase, PlanRequest settings, Techniques techniques, double factor) =>
        Moments(phase, settings, techniques).Max(moment => Saturated(BesidesTensors(moment) + moment.Weights + (moment.Run * factor)));

    /// <summary>The same when the tensors, weights included, are known.</summary>
    internal long TotalOfTensors(GenerationPhase phase, PlanRequest settings, Techniques techniques, double tensors) =>
        Moments(phase, settings, techniques).Max(moment => Saturated(BesidesTensors(moment) + tensors));

    /// <summary>
    /// How many times as much as its term says a run must have needed, when a phase's tensors took <paramref name="tensors"/>: the least
    /// factor with which the model predicts as much.
    /// </summary>
    internal double FactorOf(GenerationPhase phase, PlanRequest settings, Techniques techniques, double tensors) =>
        Moments(phase, settings, techniques).Where(moment => moment.Run > 0).Select(moment => (tensors - moment.Weights) / moment.Run).DefaultIfEmpty(1).Min();

    private long LoadingOf(Techniques techniques)
    {
        var side = manifest.Sizes.Min;
        var smallest = new PlanRequest(side, side, Math.Clamp(2, manifest.Frames.Min, manifest.Frames.Max), Steps: 2, Guided: true);
        GenerationPhase[] phases = [GenerationPhase.Encoding, GenerationPhase.Denoising, GenerationPhase.Decoding];
        return phases.Max(phase => Total(phase, smallest, techniques, factor: 1));
    }

    private static long Saturated(double bytes) => bytes >= long.MaxValue / 4 ? long.MaxValue / 4 : (long)Math.Ceiling(bytes);

    private double BesidesTensors(Moment moment) => device.OverheadBytes + (IsProcessor ? 0 : moment.Networks * (double)NetworkBytes);

    private long Weights(string component) => manifest.Components[component].WeightBytes;

    private Moment[] Moments(GenerationPhase phase, PlanRequest settings, Techniques techniques)
    {
        if (roles is null)
        {
            var weights = manifest.Components.Values.Sum(component => component.WeightBytes);
            return [new Moment(manifest.Components.Count, weights, Safety * terms.WholeRun(settings))];
        }

        return phase switch
        {
            GenerationPhase.Encoding => Encoding(roles, settings, techniques),
            GenerationPhase.Denoising => [Denoising(roles, settings, techniques)],
            GenerationPhase.Decoding => [Decoding(roles, settings, techniques)],
            _ => throw new ArgumentOutOfRangeException(nameof(phase), phase, "Only phases that run networks have moments."),
        };
    }

    private Moment[] Encoding(NetworkRoles roles, PlanRequest settings, Techniques techniques)
    {
        var around = Kept(!techniques.DenoiserReleased, Denoiser(roles, techniques)) + Kept(!techniques.DecoderReleased, Decoder(roles));
        return
        [
            .. roles.Encoders.Select(encoder =>
                around + (techniques.EncodersReleased ? new Moment(1, Weights(encoder), 0) : Encoders(roles))
                + new Moment(0, 0, Safety * terms.EncoderRun(roles, encoder, settings, techniques))),
        ];
    }

    private Moment Denoising(NetworkRoles roles, PlanRequest settings, Techniques techniques) =>
        Denoiser(roles, techniques) + new Moment(0, 0, Safety * terms.DenoiserRun(roles, settings, techniques))
        + Kept(!techniques.EncodersReleased, Encoders(roles)) + Kept(!techniques.DecoderReleased, Decoder(roles));

    private Moment Decoding(NetworkRoles roles, PlanRequest settings, Techniques techniques) =>
        Decoder(roles) + new Moment(0, 0, Safety * terms.DecoderRun(roles, settings, techniques))
        + Kept(!techniques.EncodersReleased, Encoders(roles)) + Kept(!techniques.DenoiserReleased, Denoiser(roles, techniques));

    /// <summary>What another phase's network adds.</summary>
    private static Moment Kept(bool isKept, Moment network) => isKept ? network : default;

    private Moment Encoders(NetworkRoles roles) => new(roles.Encoders.Count, roles.Encoders.Sum(Weights), 0);

    private Moment Decoder(NetworkRoles roles) => new(1, Weights(roles.Decoder), 0);

    private Moment Denoiser(NetworkRoles roles, Techniques techniques)
    {
        var weights = terms.DenoiserWeights(roles, techniques);
        var places = techniques.Streamed ? terms.PlacesBytes(roles, techniques) : weights;
        return new Moment(1, IsProcessor && techniques.Streamed ? weights + places : places, 0);
    }

    /// <summary>What is on the device while one network runs.</summary>
    /// <param name="Networks">Loaded.</param>
    /// <param name="Weights">Their bytes.</param>
    /// <param name="Run">Bytes of the run besides weights.</param>
    private readonly record struct Moment(int Networks, long Weights, double Run)
    {
        public static Moment operator +(Moment one, Moment other) =>
            new(one.Networks + other.Networks, one.Weights + other.Weights, one.Run + other.Run);
    }
}
