using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using I2V.Cli.Configuration;

namespace I2V.Cli.Up;

/// <summary>Ports on loopback for private servers.</summary>
internal static class FreePorts
{
    // Below the kernel's range for outgoing connections (32768 and up), so that none of those sits on a port while its server restarts.
    private const int First = 20_000;
    private const int Last = 32_000;
    private const int Tries = 200;

    public static bool IsFree(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public static void ThrowIfTaken(int port)
    {
        if (!IsFree(port))
        {
            throw new CliException(string.Create(CultureInfo.InvariantCulture, $"Port {port} on 127.0.0.1 is taken by another program: stop it, or choose another with `--port`."));
        }
    }

    /// <summary>A free port that is none of <paramref name="taken"/>.</summary>
    public static int Pick(params IReadOnlyCollection<int> taken)
    {
        for (var i = 0; i < Tries; i++)
        {
            var port = RandomNumberGenerator.GetInt32(First, Last);
            if (!taken.Contains(port) && IsFree(port))
            {
                return port;
            }
        }

        throw new CliException($"No free port was found between {First} and {Last} on 127.0.0.1 in {Tries} tries; stop something that listens there.");
    }
}
