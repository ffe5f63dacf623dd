using I2V.Inference.Models;

namespace I2V.Inference.Pipelines;

/// <summary>The networks of an I2VGen-XL package, loaded.</summary>
internal sealed class I2VGenXlNetworks : IDisposable
{
    private readonly List<Network> loaded = [];

    /// <exception cref="GenerationException">A network is missing or cannot be loaded, or the device takes no part of them.</exception>
    public I2VGenXlNetworks(ModelPackage package, DeviceOptions device)
    {
        try
        {
            TextEncoder = Load("text_encoder");
            ImageEncoder = Load("image_encoder");
            VaeEncoder = Load("vae_encoder");
            Conditioning = Load("conditioning");
            Unet = Load("unet");
            VaeDecoder = Load("vae_decoder");
            GraphLoader.RequireDevice(device, [.. loaded.Select(network => network.Session)]);
        }
        catch
        {
            Dispose();
            throw;
        }

        Network Load(string component)
        {
            loaded.Add(Network.Load(package, component, device));
            return loaded[^1];
        }
    }

    public Network TextEncoder { get; }

    public Network ImageEncoder { get; }

    public Network VaeEncoder { get; }

    public Network Conditioning { get; }

    public Network Unet { get; }

    public Network VaeDecoder { get; }

    public void Dispose() => loaded.ForEach(network => network.Dispose());
}
