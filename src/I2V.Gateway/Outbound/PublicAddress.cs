using System.Net;
using System.Net.Sockets;

namespace I2V.Gateway.Outbound;

/// <summary>Tells the public internet from everything that a stranger must not reach through us.</summary>
internal static class PublicAddress
{
    // IANA special-purpose registries: not globally reachable, or meant for one link, one host or one site. 168.63.129.16 is
    // the metadata server of a cloud that gave it an address of the internet.
    private static readonly IPNetwork[] NotPublic =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
            "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
            "224.0.0.0/4", "240.0.0.0/4",
            "::/128", "::1/128", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7",
            "fe80::/10", "fec0::/10", "ff00::/8",
        }.Select(text => IPNetwork.Parse(text)),
    ];

    public static bool Is(IPAddress address, IEnumerable<IPNetwork> allowed)
    {
        var inner = Unwrap(address);
        return allowed.Any(network => network.Contains(inner)) || !NotPublic.Any(network => network.Contains(inner));
    }

    /// <summary>The IPv4 address inside a mapped, compatible, NAT64, 6to4 or Teredo address, since that is where packets end up.</summary>
    private static IPAddress Unwrap(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address;
        }

        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }

        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        ReadOnlySpan<byte> nat64 = [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];
        ReadOnlySpan<byte> teredo = [0x20, 0x01, 0, 0];
        if (bytes.StartsWith(nat64) || (bytes[..12].IndexOfAnyExcept((byte)0) < 0 && !IsUnspecifiedOrLoopback(bytes)))
        {
            return new IPAddress(bytes[12..]);
        }

        if (bytes[0] == 0x20 && bytes[1] == 0x02)
        {
            return new IPAddress(bytes[2..6]);
        }

        if (bytes.StartsWith(teredo))
        {
            // Teredo hides the client's address by inverting its bits.
            return new IPAddress([(byte)~bytes[12], (byte)~bytes[13], (byte)~bytes[14], (byte)~bytes[15]]);
        }

        return address;
    }

    private static bool IsUnspecifiedOrLoopback(ReadOnlySpan<byte> bytes) => bytes[12] == 0 && bytes[13] == 0 && bytes[14] == 0 && bytes[15] <= 1;
}
