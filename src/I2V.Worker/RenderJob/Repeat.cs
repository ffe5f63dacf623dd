using I2V.Worker.Gateway;

namespace I2V.Worker.RenderJob;

/// <summary>Says the same thing to the gateway again when it may not have heard.</summary>
internal static class Repeat
{
    private const int Tries = 6;

    /// <summary>Up to six calls with pauses of 0.5, 1, 2, 4 and 8 s, so that a gateway may restart in between.</summary>
    public static async Task<T> TransientAsync<T>(Func<CancellationToken, Task<T>> call, TimeProvider time, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await call(ct);
            }
            catch (GatewayException error) when (error.IsTransient && attempt < Tries)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(500 << (attempt - 1)), time, ct);
            }
        }
    }
}
