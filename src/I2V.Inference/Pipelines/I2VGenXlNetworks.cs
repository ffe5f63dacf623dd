using I2V.Inference.Models;
using I2V.Inference.Planning;

namespace I2V.Inference.Pipelines;

/// <summary>
/// The networks of an I2VGen-XL package: each is loaded when it is used first, and techniques say which of them stay. What
/// was let go is read again from its file, which the system keeps in its page cache as long as there is room.
/// </summary>
internal sealed class I2VGenXlNetworks : IDisposable
{
    public const string TextEncoder = "text_encoder";
    public const string ImageEncoder = "image_encoder";
    public const string VaeEncoder = "vae_encoder";
    public const string Conditioning = "conditioning";
    public const string Unet = "unet";
    public const string VaeDecoder = "vae_decoder";

    private static readonly string[] All = [TextEncoder, ImageEncoder, VaeEncoder, Conditioning, Unet, VaeDecoder];

    private readonly ModelManifest manifest;
    private readonly Func<NetworkChoice, INetwork> load;
    private readonly TimeProvider time;
    private readonly Dictionary<string, (NetworkChoice Choice, INetwork Network)> loaded = [];
    private Techniques techniques = Techniques.None;

    /// <summary>Loads nothing.</summary>
    /// <param name="package">Which must have them all.</param>
    /// <param name="load">Loads one.</param>
    /// <param name="time">Measures how long that takes.</param>
    /// <exception cref="GenerationException">A network is missing.</exception>
    public I2VGenXlNetworks(ModelPackage package, Func<NetworkChoice, INetwork> load, TimeProvider time)
    {
        (manifest, this.load, this.time) = (package.Manifest, load, time);
        Array.ForEach(All, component => package.GraphPath(component));
    }

    /// <summary>Spent on loading since the beginning.</summary>
    public TimeSpan LoadTime { get; private set; }

    /// <summary>Refuses techniques that the package was not built for, or whose graph does not take a film of this size.</summary>
    /// <param name="wanted">What shall be done.</param>
    /// <param name="voxels">Of one run of the denoiser; 0 when that is not known yet.</param>
    /// <exception cref="GenerationException">The package has not what one of them needs.</exception>
    public void Require(Techniques wanted, long voxels = 0)
    {
        var choice = ChoiceOf(Unet, wanted);
        if (choice.MaxVoxels(manifest) is { } most && voxels > most)
        {
            throw new GenerationException(
                GenerationError.InvalidSettings,
                FormattableString.Invariant($"The graph {choice.Variant ?? choice.Component} of the model {manifest.Name} takes {most} latent voxels at once, but the film has {voxels}: take a deeper rung, or a smaller film."));
        }
    }

    /// <summary>Adopts techniques. What they do not keep, or want otherwise, goes at once.</summary>
    /// <param name="next">From now on.</param>
    /// <param name="needed">A network that may stay although they do not keep it.</param>
    public void Enter(Techniques next, string? needed = null)
    {
        techniques = next;
        foreach (var (component, (choice, _)) in loaded.ToList())
        {
            if ((component != needed && !IsKept(component)) || choice != ChoiceOf(component, next))
            {
                Dispose(component);
            }
        }
    }

    /// <summary>Loads what stays loaded between runs.</summary>
    /// <exception cref="GenerationException">A network cannot be loaded.</exception>
    public void LoadKept(CancellationToken ct)
    {
        foreach (var component in All.Where(IsKept))
        {
            ct.ThrowIfCancellationRequested();
            Use(component);
        }
    }

    /// <summary>A network, loaded now if it is not there.</summary>
    /// <exception cref="GenerationException">It cannot be loaded, or the device takes no part of it.</exception>
    public INetwork Use(string component)
    {
        if (loaded.TryGetValue(component, out var there))
        {
            return there.Network;
        }

        var start = time.GetTimestamp();
        var choice = ChoiceOf(component, techniques);
        var network = load(choice);
        loaded[component] = (choice, network);
        LoadTime += time.GetElapsedTime(start);
        return network;
    }

    /// <summary>Says that this run needs a network no more: it goes unless it is kept.</summary>
    public void Finish(string component)
    {
        if (!IsKept(component))
        {
            Dispose(component);
        }
    }

    public void Dispose() => Array.ForEach(All, Dispose);

    private bool IsKept(string component) => component switch
    {
        Unet => !techniques.DenoiserReleased,
        VaeDecoder => !techniques.DecoderReleased,
        _ => !techniques.EncodersReleased,
    };

    private NetworkChoice ChoiceOf(string component, Techniques wanted) =>
        component == Unet ? NetworkChoice.OfDenoiser(manifest, component, wanted) : NetworkChoice.Of(manifest, component, wanted);

    private void Dispose(string component)
    {
        if (loaded.Remove(component, out var there))
        {
            there.Network.Dispose();
        }
    }
}
