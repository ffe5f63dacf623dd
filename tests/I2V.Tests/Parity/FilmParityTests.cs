using I2V.Inference.Pipelines;

namespace I2V.Tests.Parity;

/// <summary>Whole tiny runs through our pipeline against the reference's <c>__call__</c>: same picture, prompts, settings and noise.</summary>
[Collection<TinyPackageTests>]
public sealed class FilmParityTests(TinyPackage package)
{
    private const double LeastPsnr = 60; // dB
    private const double LatentTolerance = 1e-3; // relative; 25 guided steps amplify fp32's rounding
    private const double MostPsnrWhenChanged = 40; // dB
    private const double PsnrTolerance = 0.05; // dB, of a changed film

    public static TheoryData<string> Films => [.. FilmCase.All.Keys];

    public static TheoryData<string, string> Changes => [.. FilmCase.All.SelectMany(film => film.Value.Changes.Keys.Select(what => (film.Key, what)))];

    [Theory]
    [MemberData(nameof(Films))]
    public void A_film_is_the_reference_s(string name)
    {
        var stored = Fixtures.Tensors($"films/{name}");
        var request = FilmCase.All[name].Request(name);

        var psnr = Measures.Psnr(Film(request), stored["frames"].Bytes);
        var latents = Measures.Relative(package.Pipeline.Latents(request, TestContext.Current.CancellationToken), stored["latents"].Floats);

        Measures.Print($"{name}: frames {psnr:f1} dB, latents {latents:0.0e-0} relative");
        Assert.True(psnr >= LeastPsnr, $"The film {name} is {psnr:f1} dB from the reference's.");
        Assert.True(latents <= LatentTolerance, $"The latents of {name} differ by {latents}.");
    }

    [Theory]
    [MemberData(nameof(Changes))]
    public void A_film_with_one_thing_changed_is_as_far_from_it_as_the_reference_s(string name, string what)
    {
        var film = FilmCase.All[name];

        var psnr = Measures.Psnr(Film(film.Changed(name, what)), Fixtures.Tensors($"films/{name}")["frames"].Bytes);

        Measures.Print($"{name}, other {what}: {psnr:f2} dB, the reference {film.Changes[what]:f2} dB");
        Assert.True(psnr < MostPsnrWhenChanged, $"The film {name} hardly depends on its {what}: {psnr:f1} dB.");
        Assert.Equal(film.Changes[what], psnr, PsnrTolerance);
    }

    [Theory]
    [MemberData(nameof(Films))]
    public void A_reference_film_is_neither_flat_nor_clipped(string name)
    {
        var frames = Fixtures.Tensors($"films/{name}")["frames"].Bytes;
        var mean = frames.Average(value => (double)value);
        var deviation = Math.Sqrt(frames.Average(value => (value - mean) * (value - mean)));
        var saturated = frames.Count(value => value is 0 or 255) / (double)frames.Length;

        Assert.Equal((FilmCase.All[name].StdLevels, FilmCase.All[name].Saturated), (deviation, saturated), (a, b) => Math.Abs(a.Item1 - b.Item1) < 1e-6 && Math.Abs(a.Item2 - b.Item2) < 1e-9);
        Assert.True(deviation >= 20 && saturated <= 0.2, $"The film {name} has a deviation of {deviation:f1} levels, and {saturated:p0} are black or white.");
    }

    [Theory]
    [MemberData(nameof(Films))]
    public void The_stored_noise_is_that_of_its_name(string name)
    {
        var stored = Fixtures.Tensors($"films/{name}");

        Assert.True(Measures.Largest(Streams.Normal($"input:film-{name}/noise", stored["noise"].Floats.Length), stored["noise"].Floats) < 1e-6);
        Assert.True(Measures.Largest(Streams.Normal($"input:film-{name}/posterior_noise", stored["posterior_noise"].Floats.Length), stored["posterior_noise"].Floats) < 1e-6);
    }

    private byte[] Film(GenerationRequest request) => [.. package.Pipeline.Generate(request, progress: null, TestContext.Current.CancellationToken).SelectMany(frame => frame.Pixels)];
}
