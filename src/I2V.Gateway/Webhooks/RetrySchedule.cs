namespace I2V.Gateway.Webhooks;

/// <summary>When an attempt that failed is made again. Ten attempts in some three days, as Standard Webhooks suggests; the statement that stores it adds jitter.</summary>
internal static class RetrySchedule
{
    /// <summary>A receiver may ask for more time, but not to be remembered forever.</summary>
    private static readonly TimeSpan MostAskedFor = TimeSpan.FromHours(24);

    private static readonly TimeSpan[] Waits =
    [
        TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(30), TimeSpan.FromHours(2), TimeSpan.FromHours(5),
        TimeSpan.FromHours(10), TimeSpan.FromHours(14), TimeSpan.FromHours(20), TimeSpan.FromHours(24),
    ];

    /// <param name="tries">Attempts so far, 1 or more.</param>
    /// <param name="retryAfter">What the receiver asked for, which can lengthen the wait and never shorten it.</param>
    /// <returns>Null when that was the last one.</returns>
    public static TimeSpan? After(int tries, TimeSpan? retryAfter)
    {
        if (tries > Waits.Length)
        {
            return null;
        }

        var asked = retryAfter is { } wish ? (wish < MostAskedFor ? wish : MostAskedFor) : TimeSpan.Zero;
        return asked > Waits[tries - 1] ? asked : Waits[tries - 1];
    }
}
