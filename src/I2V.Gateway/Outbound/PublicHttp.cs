using System.Net;
using System.Net.Sockets;

namespace I2V.Gateway.Outbound;

/// <summary>The name leads to nowhere, or to an address that a stranger may not reach through us. The message says which, without the address.</summary>
internal sealed class AddressRefusedException(string message) : Exception(message);

/// <summary>
/// Connections for addresses that strangers name. Every address of the name is checked and the connection goes to a checked
/// one, so that a second DNS answer changes nothing. Redirects are not followed: who follows one asks anew, through the same check.
/// </summary>
internal static class PublicHttp
{
    /// <param name="allowed">Networks that may be reached although they are not public.</param>
    public static SocketsHttpHandler CreateHandler(IReadOnlyList<IPNetwork> allowed) => new()
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        AutomaticDecompression = DecompressionMethods.None,
        // A connection that is kept would outlive the check of its name.
        PooledConnectionLifetime = TimeSpan.Zero,
        MaxResponseHeadersLength = 16,
        ConnectCallback = (context, ct) => ConnectAsync(context.DnsEndPoint, allowed, ct),
    };

    /// <exception cref="AddressRefusedException">It may not be reached.</exception>
    private static async ValueTask<Stream> ConnectAsync(DnsEndPoint endpoint, IReadOnlyList<IPNetwork> allowed, CancellationToken ct)
    {
        IPAddress[] addresses;
        try
        {
            addresses = await Dns.GetHostAddressesAsync(endpoint.Host, ct);
        }
        catch (SocketException)
        {
            throw new AddressRefusedException("Names a server that does not exist.");
        }

        if (addresses.Length == 0 || !addresses.All(address => PublicAddress.Is(address, allowed)))
        {
            throw new AddressRefusedException("Points to an address that is not on the public internet.");
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, endpoint.Port, ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
