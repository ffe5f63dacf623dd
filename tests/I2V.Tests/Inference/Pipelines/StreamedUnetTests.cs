using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.Tests.ModelBuilder.Architectures;

namespace I2V.Tests.Inference.Pipelines;

/// <summary>The denoiser of a tiny package, whole and streamed, as the pipelines load it.</summary>
public sealed class StreamedUnetTests(TinyI2VGenXl tiny) : IAsyncLifetime
{
    private Network? whole;
    private StreamedNetwork? streamed;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var package = await tiny.PackageAsync();
        whole = Network.Load(package, "unet", new DeviceOptions());
        streamed = StreamedNetwork.Load(package, "unet", new DeviceOptions());
    }

    public ValueTask DisposeAsync()
    {
        streamed?.Dispose();
        whole?.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public void Step_after_step_and_size_after_size_it_is_bit_for_bit_the_same()
    {
        foreach (var (b, f, h, w) in ((int, int, int, int)[])[(2, 3, 8, 8), (2, 3, 8, 8), (1, 1, 16, 8), (1, 5, 8, 24), (2, 3, 8, 8)])
        {
            var (expected, found) = (Predict(whole!, b, f, h, w, Ct), Predict(streamed!, b, f, h, w, Ct));

            Assert.Equal(expected.AsSpan(), found.AsSpan());
            Assert.True(expected.Max() - expected.Min() > 1e-3, "The output is constant.");
        }
    }

    [Fact]
    public void A_step_that_is_cancelled_ends_and_the_next_one_is_right()
    {
        var expected = Predict(whole!, 2, 3, 8, 8, Ct);
        using var cancelled = new CancellationTokenSource();
        using var inputs = new CancellingInputs(cancelled, UnitRunner.Inputs(2, 3, 8, 8), after: "context");

        Assert.ThrowsAny<OperationCanceledException>(() => streamed!.Run(UnitRunner.Sizes(2, 3, 8, 8), inputs, [("noise_pred", Place.Host)], cancelled.Token));

        Assert.True(inputs.Asked, "It was cancelled before a unit ran.");
        Assert.Equal(expected.AsSpan(), Predict(streamed!, 2, 3, 8, 8, Ct).AsSpan());
    }

    private static float[] Predict(INetwork network, int b, int f, int h, int w, CancellationToken ct)
    {
        var inputs = UnitRunner.Inputs(b, f, h, w);
        using var noise = network.Run(UnitRunner.Sizes(b, f, h, w), inputs, [("noise_pred", Place.Host)], ct)[0];
        inputs.Values.ToList().ForEach(input => input.Dispose());
        return noise.GetTensorDataAsSpan<float>().ToArray();
    }

    /// <summary>Cancels when the first unit that takes a certain input is about to run: units before it have run then.</summary>
    private sealed class CancellingInputs(CancellationTokenSource cancel, Dictionary<string, OrtValue> inner, string after) : IReadOnlyDictionary<string, OrtValue>, IDisposable
    {
        public bool Asked { get; private set; }

        public IEnumerable<string> Keys => inner.Keys;

        public IEnumerable<OrtValue> Values => inner.Values;

        public int Count => inner.Count;

        public OrtValue this[string key]
        {
            get
            {
                if (key == after)
                {
                    Asked = true;
                    cancel.Cancel();
                }

                return inner[key];
            }
        }

        public bool ContainsKey(string key) => inner.ContainsKey(key);

        public bool TryGetValue(string key, [System.Diagnostics.CodeAnalysis.MaybeNullWhen(false)] out OrtValue value) => inner.TryGetValue(key, out value);

        public IEnumerator<KeyValuePair<string, OrtValue>> GetEnumerator() => inner.GetEnumerator();

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();

        public void Dispose() => inner.Values.ToList().ForEach(input => input.Dispose());
    }
}
