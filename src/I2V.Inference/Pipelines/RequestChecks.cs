using I2V.Inference.Models;
using I2V.Inference.Sampling;

namespace I2V.Inference.Pipelines;

/// <summary>Refuses a request that the model cannot make, with everything that is wrong in one sentence.</summary>
internal static class RequestChecks
{
    /// <exception cref="GenerationException">A value is outside the model's limits.</exception>
    public static void Require(ModelManifest manifest, GenerationRequest request)
    {
        var problems = Problems(manifest, request).ToList();
        if (problems.Count > 0)
        {
            throw new GenerationException(GenerationError.InvalidSettings, $"The model {manifest.Name} cannot make this: {string.Join("; ", problems)}.");
        }
    }

    private static IEnumerable<string> Problems(ModelManifest manifest, GenerationRequest request)
    {
        var (image, frames) = (request.Image, manifest.Frames);
        if (image.Width < 1 || image.Height < 1 || image.Pixels.LongLength != (long)image.Width * image.Height * 3)
        {
            yield return $"the image of {image.Width}×{image.Height} pixels must have width · height · 3 bytes, but has {image.Pixels.LongLength}";
        }

        foreach (var problem in Side("width", request.Width, manifest.Sizes).Concat(Side("height", request.Height, manifest.Sizes)))
        {
            yield return problem;
        }

        if (request.NumFrames < frames.Min || request.NumFrames > frames.Max)
        {
            yield return $"num_frames is {request.NumFrames}, but must be {frames.Min} to {frames.Max}";
        }
        else if (frames.Rule == "4k+1" && request.NumFrames % 4 != 1)
        {
            yield return $"num_frames is {request.NumFrames}, but must be one more than a multiple of 4";
        }

        if (request.Fps < manifest.Fps.Min || request.Fps > manifest.Fps.Max)
        {
            yield return $"fps is {request.Fps}, but must be {manifest.Fps.Min} to {manifest.Fps.Max}";
        }

        if (manifest.Steps is { } steps && request.Steps is { } count && (count < steps.Min || count > steps.Max))
        {
            yield return $"steps is {count}, but must be {steps.Min} to {steps.Max}";
        }

        if (manifest.GuidanceScale is { } range && request.GuidanceScale is { } scale && !(scale >= range.Min && scale <= range.Max))
        {
            yield return FormattableString.Invariant($"guidance_scale is {scale}, but must be {range.Min} to {range.Max}");
        }

        if (request.Sampler is { } sampler && manifest.Scheduler is not null && !Samplers.Names.Contains(sampler))
        {
            yield return $"sampler is {sampler}, but must be {string.Join(" or ", Samplers.Names)}";
        }

        if (!(request.Eta >= 0 && request.Eta <= 1))
        {
            yield return $"eta is {request.Eta}, but must be 0 to 1";
        }

        if (request.MotionAmount is { } amount && !(amount >= 0 && amount <= 1))
        {
            yield return $"motion_amount is {amount}, but must be 0 to 1";
        }

        if (request.Techniques is { FramesPerDecode: < 0 } or { WindowFrames: < 0 })
        {
            yield return $"frames per decode and per window are {request.Techniques.FramesPerDecode} and {request.Techniques.WindowFrames}, but must be 0 or more";
        }
    }

    private static IEnumerable<string> Side(string name, int pixels, SizeLimits sizes)
    {
        if (pixels < sizes.Min || pixels > sizes.Max)
        {
            yield return $"{name} is {pixels}, but must be {sizes.Min} to {sizes.Max}";
        }
        else if (pixels % sizes.MultipleOf != 0)
        {
            var below = pixels / sizes.MultipleOf * sizes.MultipleOf;
            var near = string.Join(" or ", new[] { below, below + sizes.MultipleOf }.Where(side => side >= sizes.Min && side <= sizes.Max));
            yield return $"{name} is {pixels}, but must be a multiple of {sizes.MultipleOf}: take {near}";
        }
    }
}
