using System.Diagnostics;
using I2V.Inference.Pipelines;
using I2V.Media;

namespace I2V.Tests.Inference;

/// <summary>Where the camera looks is read back from the frames of a ramp, and compared with the path as it is meant to be.</summary>
public sealed class MotionPipelineTests(MotionFixture motion) : IClassFixture<MotionFixture>
{
    /// <summary>A third of a pixel of the 128 that the ramp is wide.</summary>
    private const double Tolerance = 0.0026;

    private static readonly RgbImage Ramp = PhotoSamples.Ramp(128, 96);

    public static TheoryData<string> Prompts => ["zoom in", "zoom out", "pan left", "pan right", "pan up", "pan down", "sway"];

    [Theory]
    [MemberData(nameof(Prompts))]
    public void Every_move_follows_its_path_and_stays_inside_the_picture(string prompt)
    {
        foreach (var (amount, seed) in ((double, long)[])[(0.5, 1), (1, 2), (1, 3), (0.1, 4), (1, long.MaxValue), (1, -7)])
        {
            var film = motion.Film(Ramp, prompt, amount: amount, seed: seed);

            Assert.Equal(9, film.Count);
            for (var i = 0; i < film.Count; i++)
            {
                var seen = RampView.Of(film[i]);
                var meant = CameraPath.At(CameraMove.Parse(prompt), i / 8.0, amount, seed);
                Assert.Equal(meant.X, seen.X, Tolerance);
                Assert.Equal(meant.Y, seen.Y, Tolerance);
                Assert.Equal(meant.Width, seen.Width, Tolerance);
                Assert.Equal(meant.Height, seen.Height, Tolerance);
                Assert.InRange(meant.X - (meant.Width / 2), -1e-9, 1 - meant.Width + 1e-9);
                Assert.InRange(meant.Y - (meant.Height / 2), -1e-9, 1 - meant.Height + 1e-9);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Prompts))]
    public void No_edge_is_ever_empty(string prompt)
    {
        for (var seed = 0; seed < 8; seed++)
        {
            // Blue is 200 everywhere in the picture: anything from outside it would be darker.
            Assert.All(motion.Film(Ramp, prompt, amount: 1, seed: seed), frame =>
                Assert.DoesNotContain(frame.Pixels.Where((_, at) => at % 3 == 2), blue => blue is < 199 or > 201));
        }
    }

    [Theory]
    [InlineData("zoom in", 0, 0, -1)]
    [InlineData("zoom out", 0, 0, +1)]
    [InlineData("pan left", -1, 0, 0)]
    [InlineData("pan right", +1, 0, 0)]
    [InlineData("pan up", 0, -1, 0)]
    [InlineData("pan down", 0, +1, 0)]
    public void A_move_goes_the_way_it_is_called_in_every_step(string prompt, int right, int down, int wider)
    {
        var views = motion.Film(Ramp, prompt, amount: 0.8).Select(RampView.Of).ToList();

        foreach (var (before, after) in views.Zip(views.Skip(1)))
        {
            Assert.True(right == 0 || Math.Sign(after.X - before.X) == right, $"{before} → {after}");
            Assert.True(down == 0 || Math.Sign(after.Y - before.Y) == down, $"{before} → {after}");
            Assert.True(wider == 0 ? Math.Abs(after.Width - before.Width) < 2 * Tolerance : Math.Sign(after.Width - before.Width) == wider, $"{before} → {after}");
        }
    }

    [Fact]
    public void A_sway_goes_to_one_side_and_back_once()
    {
        var x = motion.Film(Ramp, "gentle sway", amount: 1).Select(frame => RampView.Of(frame).X).ToList();

        Assert.Equal(0.5, x[0], Tolerance);
        Assert.Equal(0.5, x[^1], Tolerance);
        Assert.Equal(x.Max(), x[4]);
        Assert.True(x[4] > 0.6, $"{x[4]}");
        Assert.All(Enumerable.Range(0, 4), i => Assert.True(x[i] < x[i + 1] && x[8 - i] < x[7 - i]));
    }

    [Fact]
    public void A_move_starts_and_ends_at_rest()
    {
        var x = motion.Film(Ramp, "pan right", frames: 17, amount: 1).Select(frame => RampView.Of(frame).X).ToList();
        var steps = x.Zip(x.Skip(1), (before, after) => after - before).ToList();

        Assert.True(steps[0] < steps[7] / 5, $"{steps[0]} against {steps[7]}");
        Assert.True(steps[^1] < steps[7] / 5, $"{steps[^1]} against {steps[7]}");
        Assert.All(Enumerable.Range(0, 7), i => Assert.True(steps[i] < steps[i + 1] + (Tolerance / 2)));
    }

    [Fact]
    public void Amount_zero_is_the_picture_itself_in_every_frame()
    {
        var noise = PhotoSamples.Noise(128, 96);

        foreach (var prompt in Prompts.Select(row => row.Data))
        {
            Assert.All(motion.Film(noise, prompt, amount: 0), frame => Assert.Equal(noise.Pixels, frame.Pixels));
        }
    }

    [Fact]
    public void A_larger_amount_goes_further()
    {
        var widths = ((double[])[0, 0.25, 0.5, 0.75, 1]).Select(amount => RampView.Of(motion.Film(Ramp, "", amount: amount)[^1]).Width).ToList();

        Assert.Equal(widths.OrderDescending(), widths);
        Assert.Equal(1, widths[0], Tolerance);
        Assert.Equal(2.0 / 3, widths[^1], Tolerance);
    }

    [Fact]
    public void One_frame_is_the_start_of_the_move()
    {
        var noise = PhotoSamples.Noise(128, 96);

        var frame = Assert.Single(motion.Film(noise, "pan left", frames: 1, amount: 0));

        Assert.Equal(noise.Pixels, frame.Pixels);
        Assert.Equal(1, RampView.Of(Assert.Single(motion.Film(Ramp, "zoom in", frames: 1, amount: 1))).Width, Tolerance);
    }

    [Fact]
    public void The_same_seed_gives_the_same_film_bit_for_bit_with_any_number_of_threads()
    {
        var noise = PhotoSamples.Noise(300, 200);
        using var single = PipelineLoader.Load(motion.Package, new DeviceOptions { Threads = 1 });

        var first = motion.Film(noise, "zoom in", seed: 42);
        var again = motion.Film(noise, "zoom in", seed: 42);
        var alone = single.Generate(MotionFixture.Request(noise, "zoom in", seed: 42), null, TestContext.Current.CancellationToken).ToList();

        Assert.Equal(first.Select(frame => frame.Pixels), again.Select(frame => frame.Pixels));
        Assert.Equal(first.Select(frame => frame.Pixels), alone.Select(frame => frame.Pixels));
    }

    [Fact]
    public void Another_seed_gives_a_visibly_different_but_gentle_film()
    {
        foreach (var prompt in (string[])["zoom in", "pan left", "pan up", "sway"])
        {
            var ends = Enumerable.Range(0, 6).Select(seed => RampView.Of(motion.Film(Ramp, prompt, seed: seed)[prompt == "sway" ? 4 : ^1])).ToList();
            var free = (1 - (1 / 1.25)) / 2;

            Assert.True(ends.Max(view => view.X) - ends.Min(view => view.X) > 0.02 || ends.Max(view => view.Y) - ends.Min(view => view.Y) > 0.02);
            Assert.All(ends.SelectMany((a, i) => ends.Skip(i + 1).Select(b => (a, b))), pair =>
                Assert.InRange(Math.Max(Math.Abs(pair.a.X - pair.b.X), Math.Abs(pair.a.Y - pair.b.Y)), 0, (1.2 * free) + Tolerance));
        }
    }

    [Theory]
    [InlineData(1, 1, 64, 64)]
    [InlineData(3, 1000, 66, 130)]
    [InlineData(1000, 3, 130, 66)]
    [InlineData(101, 77, 98, 222)]
    [InlineData(64, 64, 2048, 64)]
    [InlineData(640, 479, 64, 64)]
    public void Any_picture_fills_any_size(int imageWidth, int imageHeight, int width, int height)
    {
        var grey = PhotoSamples.Paint(imageWidth, imageHeight, (_, _) => (90, 120, 150));

        var film = motion.Film(grey, "zoom in", width, height, frames: 3, amount: 1);

        Assert.Equal(3, film.Count);
        Assert.All(film, frame =>
        {
            Assert.Equal((width, height, width * height * 3), (frame.Width, frame.Height, frame.Pixels.Length));
            Assert.DoesNotContain(frame.Pixels.Where((value, at) => value != (at % 3 == 0 ? 90 : at % 3 == 1 ? 120 : 150)), _ => true);
        });
    }

    [Fact]
    public void A_picture_of_another_shape_is_cut_in_the_middle()
    {
        var wide = PhotoSamples.Ramp(400, 100);

        var view = RampView.Of(motion.Film(wide, "", width: 100, height: 100, frames: 1, amount: 0)[0]);

        Assert.Equal(0.5, view.X, Tolerance);
        Assert.Equal(0.25, view.Width, Tolerance);
        Assert.Equal(1, view.Height, 2 * Tolerance);
    }

    [Fact]
    public void Fine_detail_of_a_large_picture_does_not_shimmer()
    {
        var checkers = PhotoSamples.Paint(2048, 1536, (x, y) => (x + y) % 2 == 0 ? ((byte)0, (byte)0, (byte)0) : ((byte)255, (byte)255, (byte)255));

        // Sampled point by point this would flicker between black and white; seen from afar it is an even grey.
        Assert.All(motion.Film(checkers, "pan right"), frame => Assert.DoesNotContain(frame.Pixels, value => value is < 124 or > 131));
    }

    [Fact]
    public void Frames_come_while_the_rest_is_made_and_progress_counts_them()
    {
        var steps = new List<GenerationProgress>();
        var request = MotionFixture.Request(PhotoSamples.Noise(1024, 1024), width: 1024, height: 1024, frames: 3);

        using var film = motion.Pipeline.Generate(request, new Recorder(steps), TestContext.Current.CancellationToken).GetEnumerator();

        Assert.True(film.MoveNext());
        Assert.Equal([new(GenerationPhase.Encoding, 1, 1), new(GenerationPhase.Decoding, 1, 3)], steps);
        Assert.True(film.MoveNext() && film.MoveNext());
        Assert.False(film.MoveNext());
        Assert.Equal(new GenerationProgress(GenerationPhase.Decoding, 3, 3), steps[^1]);
    }

    [Fact]
    public void A_cancelled_film_ends_within_one_run()
    {
        using var stop = new CancellationTokenSource();
        var request = MotionFixture.Request(PhotoSamples.Noise(512, 512), width: 2048, height: 2048, frames: 64);
        using var film = motion.Pipeline.Generate(request, null, stop.Token).GetEnumerator();
        Assert.True(film.MoveNext());
        stop.CancelAfter(TimeSpan.FromMilliseconds(50));
        var clock = Stopwatch.StartNew();

        Assert.ThrowsAny<OperationCanceledException>(() =>
        {
            while (film.MoveNext())
            {
            }
        });

        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(5)); // the whole film takes half a minute
        Assert.ThrowsAny<OperationCanceledException>(() => motion.Pipeline.Generate(request, null, stop.Token).First());
        Assert.ThrowsAny<OperationCanceledException>(() => motion.Pipeline.WarmUp(stop.Token));
    }

    [Fact]
    public void Everything_wrong_with_a_request_is_said_at_once_and_before_the_first_frame()
    {
        var request = MotionFixture.Request(new RgbImage(2, 2, new byte[11]), width: 63, height: 4096, frames: 65, amount: double.NaN) with { Fps = 0 };

        var error = Assert.Throws<GenerationException>(() => motion.Pipeline.Generate(request, null, TestContext.Current.CancellationToken));

        Assert.Equal(GenerationError.InvalidSettings, error.Error);
        Assert.False(error.IsTransient);
        Assert.Equal(
            "The model motion cannot make this: the image of 2×2 pixels must have width · height · 3 bytes, but has 11; "
            + "width is 63, but must be 64 to 2048; height is 4096, but must be 64 to 2048; num_frames is 65, but must be 1 to 64; "
            + "fps is 0, but must be 1 to 60; motion_amount is NaN, but must be 0 to 1.",
            error.Message);
        var odd = MotionFixture.Request(Ramp, width: 129);
        Assert.Contains("width is 129, but must be a multiple of 2", Assert.Throws<GenerationException>(() => motion.Pipeline.Generate(odd, null, TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_film_of_512p_and_16_frames_takes_far_less_than_its_ten_seconds()
    {
        var photo = PhotoSamples.Noise(4000, 3000);
        motion.Pipeline.WarmUp(TestContext.Current.CancellationToken);
        var clock = Stopwatch.StartNew();

        var film = motion.Film(photo, "zoom in", 512, 512, 16);

        TestContext.Current.TestOutputHelper?.WriteLine($"{clock.ElapsedMilliseconds} ms from 4000×3000 pixels");
        Assert.Equal(16, film.Count);
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    private sealed class Recorder(List<GenerationProgress> steps) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value) => steps.Add(value);
    }
}
