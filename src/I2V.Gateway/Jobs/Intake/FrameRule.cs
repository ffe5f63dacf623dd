using System.Globalization;
using I2V.Protocol.Workers;

namespace I2V.Gateway.Jobs.Intake;

/// <summary>Which numbers of frames a model can make: <c>any</c>, or a form such as <c>4k+1</c>.</summary>
internal readonly record struct FrameRule(int Step, int Offset)
{
    public static FrameRule Parse(string rule)
    {
        if (rule is "any" or "")
        {
            return new FrameRule(1, 0);
        }

        return rule.Split("k+") is [var step, var offset]
            && int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out var parsedStep) && parsedStep > 0
            && int.TryParse(offset, NumberStyles.None, CultureInfo.InvariantCulture, out var parsedOffset)
            ? new FrameRule(parsedStep, parsedOffset)
            : throw new FormatException($"\"{rule}\" is no frame rule; it is \"any\" or such as \"4k+1\".");
    }

    public bool Allows(int frames) => (frames - Offset) % Step == 0;

    /// <summary>The nearest allowed numbers inside the range, one or two of them.</summary>
    public IReadOnlyList<int> Nearest(int frames, IntRange range)
    {
        var below = Offset + ((frames - Offset) / Step * Step);
        int[] candidates = [below, below + Step];
        return [.. candidates.Where(n => n >= range.Min && n <= range.Max)];
    }
}
