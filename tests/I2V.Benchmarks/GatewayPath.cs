using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using I2V.Protocol;
using I2V.Protocol.Bus;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace I2V.Benchmarks;

/// <summary>The path of a job through the real gateway: submitted over HTTP, announced by a ticket, claimed over HTTP.</summary>
internal sealed class GatewayPath : IDisposable
{
    private const string Model = "bench";

    private readonly HttpClient user;
    private readonly HttpClient worker;
    private readonly byte[] photo;

    public GatewayPath(BenchmarkStack stack, byte[] photo)
    {
        user = Client(stack.Url, stack.Settings.ApiKey);
        worker = Client(stack.Url, stack.Settings.WorkerKey);
        this.photo = photo;
    }

    /// <summary>Introduces a worker that makes nothing, so that only the path itself is measured.</summary>
    public async Task<Guid> RegisterAsync()
    {
        var range = new IntRange(1, 4096);
        var answer = await worker.PostAsJsonAsync("/worker/v1/workers", new RegisterWorker
        {
            Name = "bench",
            Host = "bench",
            Device = new WorkerDevice { Kind = DeviceKind.Cpu, Id = "bench/cpu-0", Name = "bench", MemoryTotalBytes = 1 << 30, MemoryFreeBytes = 1 << 30 },
            Models =
            [
                new ModelCapability
                {
                    Name = Model,
                    Family = "motion",
                    Version = "1",
                    PackageSha256 = new string('0', 64),
                    Limits = new ModelLimits { Width = range, Height = range, SizeMultipleOf = 2, DefaultLongestSide = 64, Frames = range, FrameRule = "any", Fps = range },
                    UsedSettings = ["prompt"],
                    Defaults = new JobSettings { NumFrames = 16, Fps = 8 },
                },
            ],
            Lanes = [Lanes.ForModel(Model)],
            Version = "bench",
        }, I2VJson.Options);
        answer.EnsureSuccessStatusCode();
        return (await answer.Content.ReadFromJsonAsync<WorkerRegistered>(I2VJson.Options))!.WorkerId;
    }

    public async Task<string> SubmitAsync()
    {
        using var image = new ByteArrayContent(photo);
        using var model = new StringContent(Model);
        using var prompt = new StringContent("slow zoom in");
        using var form = new MultipartFormDataContent { { image, "image", "photo.png" }, { model, "model" }, { prompt, "prompt" } };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/jobs") { Content = form };
        request.Headers.Add("Idempotency-Key", Guid.NewGuid().ToString());
        using var answer = await user.SendAsync(request);
        if (!answer.IsSuccessStatusCode)
        {
            throw new InvalidOperationException(await answer.Content.ReadAsStringAsync());
        }

        return (await answer.Content.ReadFromJsonAsync<JobObject>(I2VJson.Options))!.Id;
    }

    public async Task<int> ClaimAllAsync(Guid workerId)
    {
        var count = 0;
        while (await ClaimAndEndAsync(workerId) is not null)
        {
            count++;
        }

        return count;
    }

    /// <summary>
    /// Submits jobs one by one to an idle system and takes each when its ticket comes. The latency is the database's own:
    /// from the job's creation to its claim, through outbox, broker and HTTP.
    /// </summary>
    public async Task<Samples> SubmitToClaimedAsync(string brokerUrl, Guid workerId, int count)
    {
        var lane = Lanes.ForModel(Model);
        await using var connection = await RawBroker.ConnectAsync(brokerUrl);
        await using var channel = await connection.CreateChannelAsync();
        await channel.ExchangeDeclareAsync(lane, ExchangeType.Fanout, durable: true);
        await channel.QueueDeclareAsync(lane, durable: true, exclusive: false, autoDelete: false);
        await channel.QueueBindAsync(lane, lane, "");

        var claimed = new TaskCompletionSource<Guid>(TaskCreationOptions.RunContinuationsAsynchronously);
        var consumer = new AsyncEventingBasicConsumer(channel);
        consumer.ReceivedAsync += async (_, message) =>
        {
            var job = await ClaimAndEndAsync(workerId);
            await channel.BasicAckAsync(message.DeliveryTag, multiple: false);
            if (job is { } id)
            {
                claimed.TrySetResult(id);
            }
        };
        await channel.BasicConsumeAsync(lane, autoAck: false, consumer);

        var latencies = new List<double>();
        for (var i = 0; i < count; i++)
        {
            claimed = new TaskCompletionSource<Guid>(TaskCreationOptions.RunContinuationsAsynchronously);
            var id = await SubmitAsync();
            await claimed.Task.WaitAsync(TimeSpan.FromSeconds(30));
            var job = (await user.GetFromJsonAsync<JobObject>("/v1/jobs/" + id, I2VJson.Options))!;
            latencies.Add((job.StartedAt!.Value - job.CreatedAt).TotalMilliseconds);
        }

        return new Samples(latencies, TimeSpan.FromMilliseconds(latencies.Sum()));
    }

    public void Dispose()
    {
        user.Dispose();
        worker.Dispose();
    }

    private async Task<Guid?> ClaimAndEndAsync(Guid workerId)
    {
        using var answer = await worker.PostAsJsonAsync("/worker/v1/claims", new ClaimRequest { WorkerId = workerId }, I2VJson.Options);
        if (answer.StatusCode == System.Net.HttpStatusCode.NoContent)
        {
            return null;
        }

        answer.EnsureSuccessStatusCode();
        var job = (await answer.Content.ReadFromJsonAsync<ClaimedJob>(I2VJson.Options))!;
        var end = string.Create(CultureInfo.InvariantCulture, $"/worker/v1/claims/{job.LeaseToken}/fail");
        using var ended = await worker.PostAsJsonAsync(
            end, new FailJob { JobId = job.JobId, Attempt = job.Attempt, Code = ErrorCode.InvalidInput, Message = "Taken by the benchmark." }, I2VJson.Options);
        ended.EnsureSuccessStatusCode();
        return job.JobId;
    }

    private static HttpClient Client(string url, string key) => new()
    {
        BaseAddress = new Uri(url),
        DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", key) },
    };
}
