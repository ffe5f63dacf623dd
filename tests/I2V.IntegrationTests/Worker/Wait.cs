namespace I2V.IntegrationTests.Worker;

internal static class Wait
{
    /// <summary>Looks every 50 ms, for a minute at most.</summary>
    public static Task UntilAsync(Func<bool> condition, Func<string> complaint) => UntilAsync(() => Task.FromResult(condition()), complaint);

    /// <summary>Looks every 50 ms, for a minute at most.</summary>
    public static async Task UntilAsync(Func<Task<bool>> condition, Func<string> complaint)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromMinutes(1));
        while (!await condition())
        {
            if (patience.IsCancellationRequested)
            {
                Assert.Fail(complaint());
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken);
        }
    }
}
