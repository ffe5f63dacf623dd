namespace I2V.Cli.Up;

/// <summary>Prints what happens, each line with the seconds since the command began.</summary>
internal sealed class Steps(TextWriter output, TimeProvider time)
{
    private readonly long start = time.GetTimestamp();
    private readonly Lock sync = new();

    public TimeSpan Elapsed => time.GetElapsedTime(start);

    public void Say(FormattableString what) => Say(FormattableString.Invariant(what));

    public void Say(string what) => Line(FormattableString.Invariant($"{Elapsed.TotalSeconds,6:0.0} s  {what}"));

    public void Line(string text)
    {
        lock (sync)
        {
            try
            {
                output.WriteLine(text);
                output.Flush();
            }
            catch (IOException)
            {
                // The terminal is gone, which must not keep us from stopping what we started.
            }
        }
    }
}
