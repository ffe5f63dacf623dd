using I2V.Inference.Models;

namespace I2V.Inference.Planning;

/// <summary>The films that may be made instead of the one that was asked for, the best first: fewer frames, then smaller pictures with as many frames as fit.</summary>
internal static class SmallerSettings
{
    /// <summary>Frames that a film keeps when the user names no floor: fewer are hardly a film.</summary>
    public const int FramesKept = 8;

    /// <summary>
    /// Begins with what was asked, its frames by the model's rule. Then frames go down to the floor, then the picture becomes one step smaller
    /// with all frames again, and so on. Empty when the rule leaves no number of frames between floor and request.
    /// </summary>
    public static IEnumerable<PlanRequest> Of(PlanRequest request, ModelManifest manifest, FitRules rules) =>
        from size in Sizes(request, manifest.Sizes, rules)
        from frames in Frames(request.NumFrames, manifest.Frames, rules)
        select request with { Width = size.Width, Height = size.Height, NumFrames = frames };

    /// <summary>The most frames that a model makes, up to a number: with the rule <c>4k+1</c> 16 become 13.</summary>
    public static int ByRule(int frames, FrameLimits limits) => limits.Rule == "4k+1" ? frames - ((frames + 3) % 4) : frames;

    private static IEnumerable<int> Frames(int asked, FrameLimits limits, FitRules rules)
    {
        var most = ByRule(asked, limits);
        var least = rules.MinFrames is { } floor ? Math.Min(floor, asked) : Math.Min(FramesKept, most);
        var step = limits.Rule == "4k+1" ? 4 : 1;
        for (var frames = most; frames >= Math.Max(least, limits.Min); frames -= step)
        {
            yield return frames;
        }
    }

    /// <summary>
    /// The longer side goes down by the model's multiple, the other follows as near to the asked shape as its multiple allows. A user's floor
    /// ends the row; the model's least side only stops the shorter one.
    /// </summary>
    private static IEnumerable<(int Width, int Height)> Sizes(PlanRequest request, SizeLimits limits, FitRules rules)
    {
        yield return (request.Width, request.Height);
        var (longer, shorter) = (Math.Max(request.Width, request.Height), Math.Min(request.Width, request.Height));
        var (leastWidth, leastHeight) = (Math.Min(rules.MinWidth ?? 0, request.Width), Math.Min(rules.MinHeight ?? 0, request.Height));
        for (var side = (longer - 1) / limits.MultipleOf * limits.MultipleOf; side >= limits.Min && side > 0; side -= limits.MultipleOf)
        {
            var near = (int)Math.Round((double)side * shorter / longer / limits.MultipleOf, MidpointRounding.AwayFromZero) * limits.MultipleOf;
            var other = Math.Clamp(near, Math.Min(limits.Min, shorter), shorter);
            var (width, height) = request.Width >= request.Height ? (side, other) : (other, side);
            if (width < leastWidth || height < leastHeight)
            {
                yield break;
            }

            yield return (width, height);
        }
    }
}
