using System.Globalization;
using I2V.Benchmarks;
using I2V.Media;
using I2V.Media.Images;

// One command: dotnet run -c Release --project tests/I2V.Benchmarks [-- --out FILE]
// Every figure of ours stands beside its reference from the same run, so that ratios mean something on any machine.
var report = new Report();
var folder = Path.Combine(Path.GetTempPath(), "i2v-bench-" + Guid.NewGuid().ToString("N")[..8]);
await using (var stack = await BenchmarkStack.StartAsync(folder, CancellationToken.None))
{
    var photo = PngWriter.Write(TestPicture(512, 512));
    using var path = new GatewayPath(stack, photo);
    var worker = await path.RegisterAsync();
    await path.SubmitAsync();
    await path.ClaimAllAsync(worker);

    // 1. References.
    Samples inserts1, inserts16;
    await using (var raw = await RawDatabase.PrepareAsync(stack.Database))
    {
        await raw.InsertAsync(4, 500);
        inserts1 = await raw.InsertAsync(1, 1000);
        inserts16 = await raw.InsertAsync(16, 8000);
    }

    var publish = await RawBroker.PublishConfirmedAsync(stack.BrokerUrl, 2000);
    var deliver = await RawBroker.PublishToDeliverAsync(stack.BrokerUrl, 500);
    var intake = await Samples.MeasureAsync(2, 100, async _ => await ImageReader.NormaliseAsync(photo, new ImageLimits(), CancellationToken.None));

    // 2. Ours.
    var submits = await Samples.MeasureAsync(16, 500, async _ => await path.SubmitAsync());
    await path.ClaimAllAsync(worker);
    var claimed = await path.SubmitToClaimedAsync(stack.BrokerUrl, worker, 100);

    // 3. Nothing happens.
    var (cpu, transactions) = await IdleCost.MeasureAsync(BenchmarkStack.Processes(), stack.Database, TimeSpan.FromSeconds(30), TimeProvider.System);

    report.Add("raw insert of a submit's rows, 1 client", inserts1.ToString());
    report.Add("raw insert of a submit's rows, 16 clients", inserts16.ToString());
    report.Add("raw publish, 1 KB, confirmed one by one", publish.ToString());
    report.Add("raw publish to delivery, idle", deliver.ToString());
    report.Add("image intake alone (512×512 PNG, 2 at a time)", intake.ToString());
    report.Add("submit over HTTP with image, 16 clients", submits.ToString());
    report.Add("created to claimed, idle", claimed.ToString());
    report.Add("submit / raw insert (16 clients)", Ratio(submits.PerSecond / inserts16.PerSecond));
    report.Add("submit / image intake", Ratio(submits.PerSecond / intake.PerSecond));
    report.Add("created to claimed p50 / (raw insert p50 + raw publish to delivery p50)", Ratio(claimed.P50 / (inserts1.P50 + deliver.P50)));
    foreach (var (name, share) in cpu)
    {
        report.Add($"idle for 30 s: processor of {name}, one core = 100 %", string.Create(CultureInfo.InvariantCulture, $"{100 * share:F2} %"));
    }

    report.Add("idle for 30 s: transactions per second", string.Create(CultureInfo.InvariantCulture, $"{transactions:F1}"));
    await report.AddSettingsAsync(stack.Database);
}

report.Write(args is ["--out", var file] ? file : null);

static string Ratio(double value) => string.Create(CultureInfo.InvariantCulture, $"{value:F3}");

static RgbImage TestPicture(int width, int height)
{
    var pixels = new byte[width * height * 3];
    new Random(7).NextBytes(pixels);
    for (var i = 0; i < pixels.Length; i++)
    {
        // A gradient with a little noise compresses about as well as a photo.
        pixels[i] = (byte)((i / 3 % width * 255 / width) ^ (pixels[i] & 7));
    }

    return new RgbImage(width, height, pixels);
}
