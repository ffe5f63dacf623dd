namespace I2V.Inference.Pipelines;

/// <summary>What the encoders said of a request, in the processor's memory.</summary>
/// <param name="Prompts">[tokens, context width] each: with guidance the negative one first.</param>
/// <param name="Meaning">[context width]: what the picture shows.</param>
/// <param name="Picture">[channels, height, width]: its latents, scaled.</param>
internal sealed record I2VGenXlKnowledge(float[][] Prompts, float[] Meaning, float[] Picture);
