using System.Net;
using System.Net.Sockets;

namespace I2V.IntegrationTests.Servers;

/// <summary>
/// Stands between clients and a server on loopback and does to their bytes what a bad network does: holds answers back,
/// delays, cuts connections, takes no new ones. Without a fault set it passes everything on.
/// </summary>
internal sealed class TcpProxy : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly int serverPort;
    private readonly CancellationTokenSource closing = new();
    private readonly Lock sync = new();
    private readonly Task accepting;
    private CancellationTokenSource cut = new();
    private TaskCompletionSource answersPass = NewSignal();
    private TaskCompletionSource answerHeld = NewSignal();

    private TcpProxy(int serverPort)
    {
        this.serverPort = serverPort;
        answersPass.SetResult();
        listener.Start();
        accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>By which every piece of data is late, in both directions.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>New connections end as soon as they begin.</summary>
    public bool Refuses { get; set; }

    public static TcpProxy Start(int serverPort) => new(serverPort);

    /// <summary>From now on clients hear nothing of what the server says, its goodbye included. The task completes when it has said something.</summary>
    public Task HoldAnswers()
    {
        lock (sync)
        {
            answersPass = answersPass.Task.IsCompleted ? NewSignal() : answersPass;
            answerHeld = answerHeld.Task.IsCompleted ? NewSignal() : answerHeld;
            return answerHeld.Task;
        }
    }

    /// <summary>Hands on what was held back, and what comes.</summary>
    public void PassAnswers()
    {
        lock (sync)
        {
            answersPass.TrySetResult();
        }
    }

    /// <summary>Breaks every connection that is open now, with a reset to both ends; what was held back is lost.</summary>
    public async Task CutAsync()
    {
        using var old = Interlocked.Exchange(ref cut, new CancellationTokenSource());
        await old.CancelAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await closing.CancelAsync();
        await CutAsync();
        await accepting;
        listener.Dispose();
        closing.Dispose();
        cut.Dispose();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task AcceptAsync()
    {
        List<Task> connections = [];
        try
        {
            while (true)
            {
                var client = await listener.AcceptSocketAsync(closing.Token);
                connections.RemoveAll(connection => connection.IsCompleted);
                connections.Add(ServeAsync(client, cut.Token));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task ServeAsync(Socket client, CancellationToken broken)
    {
        using var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using var over = CancellationTokenSource.CreateLinkedTokenSource(broken, closing.Token);
        using (client)
        {
            // Closing then resets instead of saying goodbye, so that nobody takes a cut for an end.
            client.LingerState = server.LingerState = new LingerOption(enable: true, seconds: 0);
            client.NoDelay = true;
            if (Refuses)
            {
                return;
            }

            try
            {
                await server.ConnectAsync(IPAddress.Loopback, serverPort, over.Token);
                await Task.WhenAll(PassOnAsync(client, server, areAnswers: false, over), PassOnAsync(server, client, areAnswers: true, over));
                client.LingerState = server.LingerState = new LingerOption(enable: false, seconds: 0);
            }
            catch (Exception error) when (error is SocketException or OperationCanceledException)
            {
                // Cut, or one end broke off: the other one learns it by the reset.
            }
        }
    }

    private async Task PassOnAsync(Socket from, Socket to, bool areAnswers, CancellationTokenSource over)
    {
        var buffer = new byte[64 << 10];
        try
        {
            while (await ReceiveAsync(from, buffer, areAnswers, over.Token) is var count and > 0)
            {
                for (var sent = 0; sent < count;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), over.Token);
                }
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch
        {
            await over.CancelAsync();
            throw;
        }
    }

    private async Task<int> ReceiveAsync(Socket from, byte[] buffer, bool areAnswers, CancellationToken ct)
    {
        try
        {
            return await from.ReceiveAsync(buffer, ct);
        }
        finally
        {
            await Task.Delay(Delay, ct);
            if (areAnswers)
            {
                await WhenAnswersPassAsync().WaitAsync(ct);
            }
        }
    }

    private Task WhenAnswersPassAsync()
    {
        lock (sync)
        {
            if (!answersPass.Task.IsCompleted)
            {
                answerHeld.TrySetResult();
            }

            return answersPass.Task;
        }
    }
}
