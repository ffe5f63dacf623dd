using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using I2V.IntegrationTests.Servers;
using I2V.Protocol;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;

namespace I2V.IntegrationTests.Jobs;

/// <summary>What <c>POST /v1/jobs:estimate</c> says of a fleet of two unequal cards.</summary>
public sealed class EstimateTests : IAsyncLifetime
{
    private const string Path = "/v1/jobs:estimate";

    private readonly CancellationToken ct = TestContext.Current.CancellationToken;
    private readonly List<FakeWorker> workers = [];
    private TestGateway gateway = null!;

    public async ValueTask InitializeAsync() => gateway = await TestGateway.StartAsync();

    public async ValueTask DisposeAsync()
    {
        workers.ForEach(worker => worker.Dispose());
        await gateway.DisposeAsync();
    }

    [Fact]
    public async Task Alike_workers_are_told_together_with_what_each_card_does()
    {
        await FleetAsync();
        await AddAsync(Cards.Large with { Id = "large/gpu-1" }, Cards.OnLarge);

        var estimate = await EstimateAsync("""{"model":"film","input":{"width":768,"height":768,"num_frames":24,"steps":40}}""");

        Assert.Equal(("film", true, 768, 24), (estimate.Model, estimate.Valid, estimate.Applied.Width, estimate.Applied.NumFrames));
        Assert.Equal(["Large card", "Small card"], estimate.Workers.Select(alike => alike.Device).Order(StringComparer.Ordinal));
        var large = estimate.Workers.Single(alike => alike.Device == "Large card");
        Assert.Equal((2, "exact", "resident", 13 * Cards.Gb, 55.0, true), (large.Count, large.Fit, large.Rung, large.PeakBytes, large.Seconds, large.Measured));
        Assert.Equal((768, 768, 24), (large.Applied!.Width, large.Applied.Height, large.Applied.NumFrames));
        Assert.Empty(large.Degradations);
        var small = estimate.Workers.Single(alike => alike.Device == "Small card");
        Assert.Equal((1, "degraded", 512, 512, 16), (small.Count, small.Fit, small.Applied!.Width, small.Applied.Height, small.Applied.NumFrames));
        Assert.Equal(["resolution_reduced", "frames_reduced"], small.Degradations.Select(step => step.Code));
        Assert.Empty(estimate.WhyNot);
        Assert.Equal((3, 0, 0.0), (estimate.Queue.FeasibleWorkers, estimate.Queue.Ahead, estimate.Queue.EtaSeconds!.P90));
    }

    [Theory]
    [InlineData("wait")]
    [InlineData("fail")]
    public async Task Who_may_not_take_it_is_named_with_the_bytes_that_are_missing(string policy)
    {
        await FleetAsync();

        var estimate = await EstimateAsync($$$"""{"model":"film","input":{"width":768,"height":768,"num_frames":24},"fit":{"policy":"{{{policy}}}"}}""");

        Assert.Equal("Large card", Assert.Single(estimate.Workers).Device);
        var why = Assert.Single(estimate.WhyNot);
        Assert.Equal(
            ("small/gpu-0", "Small card", ErrorCode.VramInsufficient, 9 * Cards.Gb, 7 * Cards.Gb),
            (why.Worker, why.Device, why.Code, why.NeededBytes, why.FreeBytes));
        Assert.Equal(1, estimate.Queue.FeasibleWorkers);
    }

    [Fact]
    public async Task A_film_between_two_sizes_gets_the_larger_ones_figures_and_says_so()
    {
        await FleetAsync();

        var estimate = await EstimateAsync("""{"model":"film","input":{"width":640,"height":448,"num_frames":16}}""");

        Assert.All(estimate.Workers, alike => Assert.Equal(new EstimateBasis(768, 768, 24), alike.Basis));
        var small = estimate.Workers.Single(alike => alike.Device == "Small card");
        Assert.Equal("resolution_reduced", Assert.Single(small.Degradations).Code);
        Assert.True((long)small.Applied!.Width! * small.Applied.Height!.Value <= 512 * 512);
        Assert.Equal(16, small.Applied.NumFrames);
    }

    [Fact]
    public async Task A_film_above_every_table_is_unknown_and_not_guessed()
    {
        await FleetAsync();

        var estimate = await EstimateAsync("""{"model":"film","input":{"width":1024,"height":1024,"num_frames":16}}""");

        Assert.Equal(["unknown", "unknown"], estimate.Workers.Select(alike => alike.Fit));
        Assert.All(estimate.Workers, alike => Assert.Equal((null, null, null), (alike.Basis, alike.PeakBytes, alike.Seconds)));
    }

    [Fact]
    public async Task The_image_gives_the_size_and_nothing_is_stored()
    {
        await FleetAsync();
        var photo = Convert.ToBase64String(ApiFixture.Photo);

        var fromJson = await EstimateAsync($$$$"""{"model":"film","input":{"image":{"data_url":"data:image/png;base64,{{{{photo}}}}"}}}""");
        using var form = await gateway.Client.PostAsync(Path, ApiFixture.Form(ApiFixture.Photo, ("model", "film")), ct);
        var fromForm = await form.ReadAsync<JobEstimate>();

        Assert.Equal((128, 88), (fromJson.Applied.Width, fromJson.Applied.Height));
        Assert.Equal((128, 88), (fromForm.Applied.Width, fromForm.Applied.Height));
        Assert.Equal(0, await gateway.ScalarAsync<long>("select (select count(*) from jobs) + (select count(*) from outbox) + (select count(*) from idempotency_keys)"));
        Assert.Empty(Directory.EnumerateFiles(gateway.Folder, "*.png", SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData("""{"model":"film","input":{"width":500,"height":512}}""", "/input/width")]
    [InlineData("""{"model":"film","input":{"width":512,"height":512,"num_frames":1000}}""", "/input/num_frames")]
    [InlineData("""{"model":"nothing","input":{"width":512,"height":512}}""", "/model")]
    [InlineData("""{"model":"film","input":{"width":512,"height":512,"colour":"red"}}""", "/input/colour")]
    [InlineData("""{"model":"film","input":{"width":512,"height":512},"fit":{"min_width":640}}""", "/fit/min_width")]
    [InlineData("""{"model":"film","input":{"width":512}}""", "/input/image")]
    public async Task What_a_submit_would_refuse_is_refused_in_the_same_words(string body, string pointer)
    {
        await FleetAsync();
        using var response = await gateway.Client.PostAsync(Path, ApiFixture.Json(body), ct);

        var problem = await response.Content.ReadFromJsonAsync<Problem>(I2VJson.Options, ct);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal(pointer, Assert.Single(problem!.Errors!).Pointer);
    }

    [Fact]
    public async Task It_needs_the_scope_of_a_submit()
    {
        await FleetAsync();
        using var reader = await gateway.NewTenantAsync("reader", "jobs:read");
        using var response = await reader.PostAsync(Path, ApiFixture.Json("""{"model":"film","input":{"width":512,"height":512}}"""), ct);

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
    }

    [Fact]
    public async Task Jobs_that_wait_in_the_lane_are_ahead_unless_they_matter_less()
    {
        await FleetAsync();
        foreach (var priority in new[] { 5, 0, -5 })
        {
            await ApiFixture.SubmitAsync(gateway.Client, ("model", "film"), ("priority", priority.ToString(CultureInfo.InvariantCulture)));
        }

        var estimate = await EstimateAsync("""{"model":"film","input":{"width":512,"height":512}}""");

        Assert.Equal((2, 3), (estimate.Queue.Ahead, estimate.Queue.Position));
        Assert.Equal(5, estimate.Queue.EtaSeconds!.P50);
    }

    [Fact]
    public async Task Models_show_the_table_of_each_card()
    {
        await FleetAsync();

        var model = await gateway.Client.GetAsync("/v1/models/film", ct).ReadAsync<ModelObject>();

        Assert.Equal([("Small card", 8 * Cards.Gb, 1, 2), ("Large card", 24 * Cards.Gb, 1, 2)], model.Fit.Select(table => (table.Device, table.MemoryTotalBytes, table.Workers, table.Rows.Count)));
        Assert.Equal(512, model.Fit[0].Rows[1].AppliedWidth);
    }

    private async Task FleetAsync()
    {
        await AddAsync(Cards.Small, Cards.OnSmall);
        await AddAsync(Cards.Large, Cards.OnLarge);
    }

    private async Task AddAsync(Protocol.Workers.WorkerDevice card, Protocol.Workers.ModelCapability model)
    {
        var worker = new FakeWorker(gateway);
        workers.Add(worker);
        await worker.RegisterAsync(card, model);
    }

    private async Task<JobEstimate> EstimateAsync(string body) =>
        await gateway.Client.PostAsync(Path, ApiFixture.Json(body), ct).ReadAsync<JobEstimate>();
}
