using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.ModelBuilder.Weights;

namespace I2V.GpuProof;

/// <summary>What runs before the first step, released and brought back.</summary>
internal sealed class EncoderTechniques(ModelPackage package, Options options, Report report, TechniqueLimits limits)
{
    private const int Prompts = 2;
    private const int Tokens = 77;

    /// <summary>49406 begins, 49407 ends and fills.</summary>
    private static readonly long[] Words = [49406, 320, 1125, 539, 320, 2368];

    /// <param name="size">Of the film.</param>
    public void Run(FilmSize size)
    {
        var side = package.Manifest.ImageEncoder!.Size;
        var (h, w) = (size.Height / 8, size.Width / 8);
        Dictionary<string, long> Sizes(int b) => new() { ["b"] = b, ["f"] = size.Frames, ["h"] = h, ["w"] = w };

        Compare("text_encoder", ["text-2"], Sizes(Prompts), _ => new() { ["input_ids"] = Ids() }, "prompt_embeds");
        Compare("image_encoder", ["vision-1"], Sizes(1), _ => new() { ["pixel_values"] = Random("pixels", 1, 3, side, side) }, "image_embeds");
        Compare(
            "vae_encoder", [$"vae-encoder-1x{size.Height}x{size.Width}"], Sizes(1),
            _ => new() { ["image"] = Random("image", 1, 3, size.Height, size.Width) }, "moments");
        Compare(
            "conditioning", [], Sizes(StepInputs.Halves),
            network =>
            {
                var width = network.Session.InputMetadata["image_embeddings"].Dimensions[1];
                return new()
                {
                    ["encoder_hidden_states"] = Random("text", StepInputs.Halves, Tokens, width),
                    ["image_embeddings"] = Random("meaning", StepInputs.Halves, width),
                    ["image_latents"] = Random("latents", StepInputs.Halves, 4, size.Frames, h, w),
                    ["fps"] = OrtValue.CreateTensorValueFromMemory([16f, 16f], [StepInputs.Halves]),
                };
            },
            "context", "image_features", "fps_embedding");
    }

    private void Compare(
        string component, string[] cases, Dictionary<string, long> sizes, Func<Network, Dictionary<string, OrtValue>> make, params string[] outputs) =>
        report.Stage($"{component} loaded", () =>
        {
            List<float[]> plain, again, back;
            using (var network = Network.Load(package, component, options.Device))
            {
                plain = Make(network, sizes, make, outputs);
                again = Make(network, sizes, make, outputs);
            }

            using (var network = Network.Load(package, component, options.Device))
            {
                back = Make(network, sizes, make, outputs);
            }

            for (var i = 0; i < outputs.Length; i++)
            {
                var (title, number) = ($"{component} {outputs[i]} brought back", i);
                report.Stage($"{component} {outputs[i]} again", () => Deviation.OfRepeat(again[number], plain[number]));
                report.Stage(title, () => Deviation.Of(report, title, back[number], plain[number], limits.Of(cases, outputs[number])));
            }

            return null;
        });

    private static List<float[]> Make(Network network, Dictionary<string, long> sizes, Func<Network, Dictionary<string, OrtValue>> make, string[] outputs)
    {
        var inputs = make(network);
        var made = network.Run(sizes, inputs, [.. outputs.Select(output => (output, Place.Host))], CancellationToken.None);
        try
        {
            return [.. made.Select(Floats)];
        }
        finally
        {
            foreach (var value in made.Concat(inputs.Values))
            {
                value.Dispose();
            }
        }
    }

    private static float[] Floats(OrtValue value) => value.GetTensorTypeAndShape().ElementDataType == TensorElementType.Float16
        ? Array.ConvertAll(value.GetTensorDataAsSpan<Half>().ToArray(), number => (float)number)
        : value.GetTensorDataAsSpan<float>().ToArray();

    private static OrtValue Ids()
    {
        var ids = new long[Prompts * Tokens];
        Array.Fill(ids, 49407);
        for (var prompt = 0; prompt < Prompts; prompt++)
        {
            Words.AsSpan(0, Words.Length - prompt).CopyTo(ids.AsSpan(prompt * Tokens)); // another prompt in each row
        }

        return OrtValue.CreateTensorValueFromMemory(ids, [Prompts, Tokens]);
    }

    private static OrtValue Random(string name, params long[] shape)
    {
        var values = new float[shape.Aggregate(1L, (product, side) => product * side)];
        new RandomWeights("encoders", 4).Read(name, [values.Length], values);
        return OrtValue.CreateTensorValueFromMemory(values, shape);
    }
}
