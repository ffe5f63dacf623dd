using System.Net;
using System.Net.Sockets;
using System.Text;

namespace I2V.IntegrationTests.Servers;

public sealed class TcpProxyTests : IAsyncLifetime
{
    private readonly TcpListener server = new(IPAddress.Loopback, 0);
    private TcpProxy proxy = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        server.Start();
        proxy = TcpProxy.Start(((IPEndPoint)server.LocalEndpoint).Port);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await proxy.DisposeAsync();
        server.Dispose();
    }

    [Fact]
    public async Task Bytes_pass_both_ways_and_so_does_the_end()
    {
        var (client, peer) = await ConnectAsync();
        await client.SendAsync("ask"u8.ToArray(), Ct);
        Assert.Equal("ask", await ReadAsync(peer));
        await peer.SendAsync("answer"u8.ToArray(), Ct);
        Assert.Equal("answer", await ReadAsync(client));

        client.Shutdown(SocketShutdown.Send);
        Assert.Equal("", await ReadAsync(peer));
        peer.Shutdown(SocketShutdown.Send);
        Assert.Equal("", await ReadAsync(client));
    }

    [Fact]
    public async Task Answers_held_back_arrive_when_they_may_while_questions_pass()
    {
        var (client, peer) = await ConnectAsync();
        var held = proxy.HoldAnswers();
        await client.SendAsync("ask"u8.ToArray(), Ct);
        Assert.Equal("ask", await ReadAsync(peer));
        Assert.False(held.IsCompleted);
        await peer.SendAsync("answer"u8.ToArray(), Ct);
        await held.WaitAsync(Ct);
        Assert.Equal(0, client.Available);

        proxy.PassAnswers();
        Assert.Equal("answer", await ReadAsync(client));
    }

    [Fact]
    public async Task A_cut_resets_both_ends_and_loses_what_was_held_back()
    {
        var (client, peer) = await ConnectAsync();
        var held = proxy.HoldAnswers();
        await peer.SendAsync("answer"u8.ToArray(), Ct);
        await held.WaitAsync(Ct);

        await proxy.CutAsync();
        proxy.PassAnswers();
        await Assert.ThrowsAsync<SocketException>(() => ReadAsync(client));
        await Assert.ThrowsAsync<SocketException>(() => ReadAsync(peer));

        // The next connection is whole.
        var (again, _) = await ConnectAsync();
        Assert.True(again.Connected);
    }

    [Fact]
    public async Task A_delay_is_kept_and_a_refusal_ends_a_connection_at_once()
    {
        var (client, peer) = await ConnectAsync();
        proxy.Delay = TimeSpan.FromMilliseconds(300);
        var sent = TimeProvider.System.GetTimestamp();
        await client.SendAsync("late"u8.ToArray(), Ct);
        Assert.Equal("late", await ReadAsync(peer));
        Assert.InRange(TimeProvider.System.GetElapsedTime(sent).TotalMilliseconds, 290, 30_000);

        proxy.Refuses = true;
        using var refused = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await Assert.ThrowsAsync<SocketException>(async () =>
        {
            await refused.ConnectAsync(IPAddress.Loopback, proxy.Port, Ct);
            await ReadAsync(refused);
        });
    }

    private async Task<(Socket Client, Socket Peer)> ConnectAsync()
    {
        var accepting = server.AcceptSocketAsync(Ct);
        var client = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(IPAddress.Loopback, proxy.Port, Ct);
        return (client, await accepting);
    }

    private static async Task<string> ReadAsync(Socket socket)
    {
        var buffer = new byte[100];
        return Encoding.ASCII.GetString(buffer, 0, await socket.ReceiveAsync(buffer, Ct));
    }
}
