using System.CommandLine;
using System.Globalization;
using I2V.ModelBuilder.Checkpoints;
using I2V.ModelBuilder.Weights;

namespace I2V.Cli.Models;

/// <param name="File">A safetensors file.</param>
/// <param name="Scale">How strongly it counts.</param>
internal sealed record Lora(string File, double Scale);

/// <summary><c>--lora FILE[:SCALE]</c>, as often as wanted.</summary>
internal sealed class LoraOption
{
    public LoraOption() => Option = new Option<Lora[]>("--lora")
    {
        Description = "A LoRA that is merged into the weights, with its scale (1 when left out); may be repeated.",
        HelpName = "FILE:SCALE",
        CustomParser = result => [.. result.Tokens.Select(token => Parse(token.Value, result.AddError))],
    };

    public Option<Lora[]> Option { get; }

    /// <summary>The checkpoint with the LoRAs that are asked for, in place of the one given; who disposes it closes everything.</summary>
    /// <exception cref="WeightsException">A file is not a LoRA.</exception>
    public I2VGenXlCheckpoint Apply(ParseResult parsed, I2VGenXlCheckpoint checkpoint)
    {
        var opened = new List<(LoraFile, double)>();
        try
        {
            foreach (var lora in parsed.GetValue(Option) ?? [])
            {
                opened.Add((LoraFile.Open(lora.File), lora.Scale));
            }
        }
        catch
        {
            opened.ForEach(lora => lora.Item1.Dispose());
            checkpoint.Dispose();
            throw;
        }

        return checkpoint with { Loras = opened };
    }

    private static Lora Parse(string text, Action<string> refuse)
    {
        var colon = text.LastIndexOf(':');
        var lora = colon > 0 && double.TryParse(text.AsSpan(colon + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out var scale) && double.IsFinite(scale)
            ? new Lora(text[..colon], scale)
            : new Lora(text, 1);
        if (!File.Exists(lora.File))
        {
            refuse($"There is no file {lora.File}; --lora takes FILE or FILE:SCALE.");
        }

        return lora;
    }
}
