using System.Text.Json.Nodes;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;

namespace I2V.GpuProof;

/// <summary>
/// Every network, in every way that the package can run it, against the reference's fp32 outputs: at most 1e-2, and at most
/// 1.5 times as far away as the reference's own fp16. With 8-bit matrices <see cref="NetworkWay.EightBitLimit"/> comes on top.
/// </summary>
internal static class CompareNetworks
{
    private const double Limit = 1e-2;
    private const double TimesHalf = 1.5;

    public static int Run(string folder, string reference, string output, Options options)
    {
        var report = new Report(output);
        var package = ModelPackage.Open(folder);
        var loader = new NetworkLoader(package, options.Device);
        foreach (var group in ReferenceCase.Read(reference).GroupBy(found => found.Component))
        {
            using var conditioning = group.Key == "unet" ? loader.Load(new NetworkChoice("conditioning")) : null;
            foreach (var way in NetworkWay.Of(package.Manifest, group.Key).Where(way => options.Takes(way.Name)))
            {
                using var network = loader.Load(way.Choice);
                foreach (var told in group)
                {
                    var name = way.Name == NetworkWay.OwnGraph ? told.Name : $"{told.Name} {way.Name}";
                    report.Stage(name, () => Compare(report, reference, name, told, way, network, conditioning));
                }
            }
        }

        return report.Finish();
    }

    private static JsonObject Compare(
        Report report, string reference, string title, ReferenceCase told, NetworkWay way, INetwork network, INetwork? conditioning)
    {
        var result = new JsonObject();
        foreach (var (name, actual) in conditioning is null ? Single(told, network) : Unet(told, network, conditioning))
        {
            var error = Errors.Relative(actual, told.Expected(name));
            var half = ReferenceCase.HalfError(reference, told.Name, name);
            var limit = Math.Min(Limit, TimesHalf * half) + (way.Exact ? 0 : NetworkWay.EightBitLimit);
            result[name] = new JsonObject { ["relative_error"] = error, ["fp16_of_the_reference"] = half, ["limit"] = limit };
            report.Require($"{title} {name}: relative error", error, limit);
        }

        return result;
    }

    private static IEnumerable<(string Name, float[] Values)> Single(ReferenceCase told, INetwork network)
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

        return [(output, network.RunToArray(sizes, new Dictionary<string, OrtValue> { [input] = given }, output, CancellationToken.None))];
    }

    private static IEnumerable<(string Name, float[] Values)> Unet(ReferenceCase told, INetwork unet, INetwork conditioning)
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
        try
        {
            return [("noise_pred", unet.RunToArray(sizes, step, "noise_pred", CancellationToken.None))];
        }
        finally
        {
            foreach (var value in inputs.Values.Concat(conditions))
            {
                value.Dispose();
            }
        }
    }
}
