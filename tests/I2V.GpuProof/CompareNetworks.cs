using System.Text.Json.Nodes;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;

namespace I2V.GpuProof;

/// <summary>Every network against the reference's fp32 outputs: at most 1e-2, and at most 1.5 times as far away as the reference's own fp16.</summary>
internal static class CompareNetworks
{
    private const double Limit = 1e-2;
    private const double TimesHalf = 1.5;

    public static int Run(string folder, string reference, string output, Options options)
    {
        var report = new Report(output);
        var package = ModelPackage.Open(folder);
        foreach (var group in ReferenceCase.Read(reference).GroupBy(found => found.Component))
        {
            using var network = Network.Load(package, group.Key, options.Device);
            using var conditioning = group.Key == "unet" ? Network.Load(package, "conditioning", options.Device) : null;
            foreach (var told in group)
            {
                report.Stage(told.Name, () => Compare(report, reference, told, network, conditioning));
            }
        }

        return report.Finish();
    }

    private static JsonObject Compare(Report report, string reference, ReferenceCase told, Network network, Network? conditioning)
    {
        var result = new JsonObject();
        foreach (var (name, actual) in conditioning is null ? Single(told, network) : Unet(told, network, conditioning))
        {
            var error = Errors.Relative(actual, told.Expected(name));
            var half = ReferenceCase.HalfError(reference, told.Name, name);
            result[name] = new JsonObject { ["relative_error"] = error, ["fp16_of_the_reference"] = half };
            report.Require($"{told.Name} {name}: relative error", error, Math.Min(Limit, TimesHalf * half));
        }

        return result;
    }

    private static IEnumerable<(string Name, float[] Values)> Single(ReferenceCase told, Network network)
    {
        var (input, output) = told.Component switch
        {
            "text_encoder" => ("input_ids", "prompt_embeds"),
            "image_encoder" => ("pixel_values", "image_embeds"),
            "vae_encoder" => ("image", "moments"),
            _ => ("latents", "image"),
        };
        using var given = input == "input_ids" ? told.Ids(input) : told.Floats(input);
        var shape = given.GetTensorTypeAndShape().Shape;
        var scale = input == "image" ? 8 : 1;
        var sizes = new Dictionary<string, long> { ["b"] = shape[0] };
        if (shape.Count == 4)
        {
            (sizes["h"], sizes["w"]) = (shape[2] / scale, shape[3] / scale);
        }

        using var made = network.Run(sizes, new Dictionary<string, OrtValue> { [input] = given }, [(output, Place.Host)], CancellationToken.None)[0];
        return [(output, made.GetTensorDataAsSpan<float>().ToArray())];
    }

    private static IEnumerable<(string Name, float[] Values)> Unet(ReferenceCase told, Network unet, Network conditioning)
    {
        string[] given = ["encoder_hidden_states", "image_embeddings", "image_latents", "fps"];
        var inputs = given.ToDictionary(name => name, told.Floats);
        var shape = inputs["image_latents"].GetTensorTypeAndShape().Shape;
        var sizes = new Dictionary<string, long> { ["b"] = shape[0], ["f"] = shape[2], ["h"] = shape[3], ["w"] = shape[4] };
        var conditions = conditioning.Run(sizes, inputs, [("context", Place.Device), ("image_features", Place.Device), ("fps_embedding", Place.Device)], CancellationToken.None);
        using var sample = told.Floats("sample");
        using var timestep = told.Floats("timestep");
        var step = new Dictionary<string, OrtValue>
        {
            ["sample"] = sample,
            ["timestep"] = timestep,
            ["context"] = conditions[0],
            ["image_features"] = conditions[1],
            ["fps_embedding"] = conditions[2],
        };
        using var noise = unet.Run(sizes, step, [("noise_pred", Place.Host)], CancellationToken.None)[0];
        foreach (var value in inputs.Values.Concat(conditions))
        {
            value.Dispose();
        }

        return [("noise_pred", noise.GetTensorDataAsSpan<float>().ToArray())];
    }
}
