using I2V.Inference.Models;

namespace I2V.Inference.Pipelines;

/// <summary>Loads a package's networks on a device.</summary>
internal sealed class NetworkLoader(ModelPackage package, DeviceOptions device)
{
    /// <exception cref="GenerationException">The network cannot be loaded, or the device that was asked for takes no part of it.</exception>
    public INetwork Load(NetworkChoice choice)
    {
        if (choice.Streamed)
        {
            return StreamedNetwork.Load(package, choice.Component, device, choice.Variant);
        }

        var network = Network.Load(package, choice.Component, device, choice.Variant);
        try
        {
            GraphLoader.RequireDevice(device, network.Session);
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }
}
