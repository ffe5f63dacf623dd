using System.Net;
using I2V.IntegrationTests.Jobs;
using I2V.IntegrationTests.Worker;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Webhooks;
using Microsoft.AspNetCore.Http;

namespace I2V.IntegrationTests.Webhooks;

/// <summary>What a receiver sees, and what the log says about it.</summary>
public sealed class WebhookDeliveryTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_film_is_told_with_the_job_and_a_right_signature()
    {
        await using var lab = await HookLab.StartAsync();
        var endpoint = await lab.AddEndpointAsync();
        var job = await ApiFixture.SubmitAsync(lab.Client);
        await lab.Worker.CompleteAsync((await lab.Worker.ClaimAsync())!);

        var delivery = await lab.DeliveryAsync(delivery => delivery.Status == "delivered");

        var told = Assert.Single(lab.Receiver.Told);
        Assert.Equal(("POST", "/hooks", "application/json"), (told.Method, told.Path, told.ContentType));
        Assert.Equal([told.SignatureBy(endpoint.Secret!)], told.Signatures);
        var attempt = Assert.Single(delivery.Attempts);
        Assert.Equal(told.SentAt.ToUnixTimeSeconds(), attempt.At.ToUnixTimeSeconds());
        Assert.Equal((200, "thank you", null), (attempt.StatusCode, attempt.Body, attempt.Error));
        Assert.Equal((told.Id, "job.succeeded", job.Id, endpoint.Id, endpoint.Url), (delivery.Id, delivery.Event, delivery.JobId, delivery.EndpointId, delivery.Url));
        Assert.Null(delivery.NextAttemptAt);
        Assert.NotNull(delivery.CompletedAt);

        var now = await lab.Client.GetAsync($"/v1/jobs/{job.Id}", Ct).ReadAsync<JobObject>();
        var message = told.Message;
        Assert.Equal(("job.succeeded", job.Id, JobStatus.Succeeded), (message.Type, message.Data.Id, message.Data.Status));
        Assert.InRange(message.Timestamp, now.CompletedAt!.Value.AddSeconds(-1), now.CompletedAt.Value.AddSeconds(1));
        Assert.Equal(now.Output!.Video!.Sha256, message.Data.Output!.Video!.Sha256);
        using var plain = new HttpClient();
        Assert.Equal(now.Output.Video.Bytes, (await plain.GetByteArrayAsync(message.Data.Output.Video.Url, Ct)).Length);
    }

    [Fact]
    public async Task A_job_can_bring_its_own_address_once_there_is_a_secret_for_it()
    {
        await using var lab = await HookLab.StartAsync();
        var request = ("request", $$$"""{"webhook":{"url":"{{{lab.Receiver.Url}}}","events":["job.canceled"]}}""");
        using (var refused = await lab.Client.PostAsync("/v1/jobs", ApiFixture.Form(ApiFixture.Photo, request), Ct))
        {
            var problem = await ApiFixture.ProblemAsync(refused, HttpStatusCode.BadRequest, ErrorCode.InvalidInput);
            Assert.Equal("/webhook", Assert.Single(problem.Errors!).Pointer);
        }

        var signer = await lab.Client.PostAsync("/v1/webhook-endpoints/default/rotate", null, Ct).ReadAsync<WebhookEndpoint>();
        var quiet = await ApiFixture.SubmitAsync(lab.Client, request);
        await lab.Worker.FailAsync((await lab.Worker.ClaimAsync())!, ErrorCode.ImageUnreadable, "It is no picture.");
        var loud = await ApiFixture.SubmitAsync(lab.Client, request);
        using var canceled = await lab.Client.PostAsync($"/v1/jobs/{loud.Id}/cancel", null, Ct);
        var delivery = await lab.DeliveryAsync(delivery => delivery.Status == "delivered");

        Assert.Equal(JobStatus.Failed, (await lab.Client.GetAsync($"/v1/jobs/{quiet.Id}", Ct).ReadAsync<JobObject>()).Status);
        Assert.Equal((loud.Id, null, lab.Receiver.Url), (delivery.JobId, delivery.EndpointId, delivery.Url));
        var told = Assert.Single(lab.Receiver.Told);
        Assert.Equal([told.SignatureBy(signer.Secret!)], told.Signatures);
        Assert.Empty((await lab.Client.GetAsync("/v1/webhook-endpoints", Ct).ReadAsync<WebhookEndpointList>()).Data);
    }

    [Fact]
    public async Task A_job_that_is_tried_again_by_hand_tells_the_same_address()
    {
        await using var lab = await HookLab.StartAsync();
        using var rotated = await lab.Client.PostAsync("/v1/webhook-endpoints/default/rotate", null, Ct);
        var first = await ApiFixture.SubmitAsync(lab.Client, ("request", $$$"""{"webhook":{"url":"{{{lab.Receiver.Url}}}","events":["job.canceled"]}}"""));
        using var ended = await lab.Client.PostAsync($"/v1/jobs/{first.Id}/cancel", null, Ct);
        await lab.DeliveryAsync(delivery => delivery.JobId == first.Id && delivery.Status == "delivered");

        var second = await lab.Client.PostAsync($"/v1/jobs/{first.Id}/retry", null, Ct).ReadAsync<JobObject>();
        using var endedToo = await lab.Client.PostAsync($"/v1/jobs/{second.Id}/cancel", null, Ct);

        await Wait.UntilAsync(() => lab.Receiver.Told.Count == 2, () => "The address was not told of the second job.");
        Assert.Equal([second.Id, first.Id], (await lab.DeliveriesAsync()).Select(delivery => delivery.JobId));
    }

    [Fact]
    public async Task An_address_that_may_not_be_told_is_refused_with_the_job()
    {
        await using var lab = await HookLab.StartAsync();
        using var rotated = await lab.Client.PostAsync("/v1/webhook-endpoints/default/rotate", null, Ct);

        using var refused = await lab.Client.PostAsync(
            "/v1/jobs", ApiFixture.Form(ApiFixture.Photo, ("request", """{"webhook":{"url":"https://169.254.169.254/"}}""")), Ct);

        var problem = await ApiFixture.ProblemAsync(refused, HttpStatusCode.BadRequest, ErrorCode.InvalidInput);
        Assert.Equal("/webhook/url", Assert.Single(problem.Errors!).Pointer);
        Assert.Equal(0L, await lab.Gateway.ScalarAsync<long>("select count(*) from jobs"));
    }

    [Fact]
    public async Task A_receiver_that_fails_is_told_again_under_the_same_id_after_the_scheduled_wait()
    {
        await using var lab = await HookLab.StartAsync();
        await lab.AddEndpointAsync();
        lab.Receiver.Answer = response => Fail(response, 500, "out of\0order");
        await lab.CancelOneAsync();

        var failed = await lab.DeliveryAsync(delivery => delivery.Attempts.Count == 1);
        var wait = await lab.WaitAsync();
        lab.Receiver.Answer = response => Fail(response, 204, null);
        await lab.MakeDueAsync();
        var delivered = await lab.DeliveryAsync(delivery => delivery.Status == "delivered");

        Assert.Equal(("pending", (int?)500, "out of\uFFFDorder"), (failed.Status, failed.Attempts[0].StatusCode, failed.Attempts[0].Body));
        Assert.InRange(wait, 5, 10);
        Assert.Equal([500, 204], delivered.Attempts.Select(attempt => attempt.StatusCode!.Value));
        Assert.Equal([delivered.Id, delivered.Id], lab.Receiver.Told.Select(told => told.Id));
        Assert.Equal(lab.Receiver.Told[0].Message.Timestamp, lab.Receiver.Told[1].Message.Timestamp);
    }

    [Fact]
    public async Task A_receiver_is_given_up_after_ten_attempts_and_a_redelivery_starts_anew()
    {
        await using var lab = await HookLab.StartAsync();
        await lab.AddEndpointAsync();
        lab.Receiver.Answer = response => Fail(response, 500, null);
        await lab.CancelOneAsync();
        for (var attempts = 1; attempts < 10; attempts++)
        {
            await lab.DeliveryAsync(delivery => delivery.Attempts.Count == attempts && delivery.Status == "pending");
            await lab.MakeDueAsync();
        }

        var failed = await lab.DeliveryAsync(delivery => delivery.Status == "failed");
        lab.Receiver.Answer = response => Fail(response, 200, null);
        using var again = await lab.Client.PostAsync($"/v1/webhook-deliveries/{failed.Id}/redeliver", null, Ct);
        var delivered = await lab.DeliveryAsync(delivery => delivery.Status == "delivered");

        Assert.Equal(HttpStatusCode.Accepted, again.StatusCode);
        Assert.Equal(10, failed.Attempts.Count);
        Assert.Equal(11, delivered.Attempts.Count);
        Assert.Equal(failed.Id, lab.Receiver.Told[^1].Id);
    }

    [Fact]
    public async Task Retry_After_lengthens_the_wait()
    {
        await using var lab = await HookLab.StartAsync();
        await lab.AddEndpointAsync();
        lab.Receiver.Answer = response =>
        {
            response.Headers.RetryAfter = "120";
            return Fail(response, 503, null);
        };
        await lab.CancelOneAsync();

        await lab.DeliveryAsync(delivery => delivery.Attempts.Count == 1);

        Assert.InRange(await lab.WaitAsync(), 120, 150);
    }

    [Fact]
    public async Task A_receiver_that_is_gone_is_disabled_until_somebody_enables_it()
    {
        await using var lab = await HookLab.StartAsync();
        var endpoint = await lab.AddEndpointAsync();
        lab.Receiver.Answer = response => Fail(response, 410, null);
        await lab.CancelOneAsync();

        var failed = await lab.DeliveryAsync(delivery => delivery.Status == "failed");
        var disabled = await lab.Client.GetAsync($"/v1/webhook-endpoints/{endpoint.Id}", Ct).ReadAsync<WebhookEndpoint>();
        await lab.CancelOneAsync();
        using var early = await lab.Client.PostAsync($"/v1/webhook-deliveries/{failed.Id}/redeliver", null, Ct);

        await ApiFixture.ProblemAsync(early, HttpStatusCode.Conflict, ErrorCode.Conflict);
        Assert.NotNull(disabled.DisabledAt);
        Assert.Contains("410", disabled.DisabledReason, StringComparison.Ordinal);
        Assert.Single(await lab.DeliveriesAsync());

        lab.Receiver.Answer = response => Fail(response, 200, null);
        var enabled = await lab.Client.PatchAsync($"/v1/webhook-endpoints/{endpoint.Id}", ApiFixture.Json("""{"disabled":false}"""), Ct).ReadAsync<WebhookEndpoint>();
        using var again = await lab.Client.PostAsync($"/v1/webhook-deliveries/{failed.Id}/redeliver", null, Ct);
        await lab.DeliveryAsync(delivery => delivery.Status == "delivered");

        Assert.Null(enabled.DisabledAt);
        Assert.Null(enabled.DisabledReason);
    }

    [Fact]
    public async Task A_redirect_is_not_followed()
    {
        await using var lab = await HookLab.StartAsync();
        await lab.AddEndpointAsync();
        lab.Receiver.Answer = response =>
        {
            response.Redirect($"http://127.0.0.1:{lab.Receiver.Port}/elsewhere", permanent: false, preserveMethod: true);
            return Task.CompletedTask;
        };
        await lab.CancelOneAsync();

        var delivery = await lab.DeliveryAsync(delivery => delivery.Attempts.Count == 1);

        Assert.Equal(("pending", (int?)307), (delivery.Status, delivery.Attempts[0].StatusCode));
        Assert.Contains("Redirects", delivery.Attempts[0].Error, StringComparison.Ordinal);
        Assert.Equal("/hooks", Assert.Single(lab.Receiver.Told).Path);
    }

    [Fact]
    public async Task A_name_that_leads_inside_gets_no_connection()
    {
        await using var lab = await HookLab.StartAsync(("Webhooks:AllowedNetworks:0", "192.0.2.0/24"));
        await lab.AddEndpointAsync($"http://localhost:{lab.Receiver.Port}/hooks");
        await lab.CancelOneAsync();

        var delivery = await lab.DeliveryAsync(delivery => delivery.Attempts.Count == 1);

        Assert.Contains("public internet", delivery.Attempts[0].Error, StringComparison.Ordinal);
        Assert.Null(delivery.Attempts[0].StatusCode);
        Assert.Empty(lab.Receiver.Told);
    }

    [Fact]
    public async Task A_certificate_that_nobody_vouches_for_gets_no_message()
    {
        await using var lab = await HookLab.StartAsync();
        await using var pretender = await HookReceiver.StartAsync(withCertificate: true);
        await lab.AddEndpointAsync(pretender.Url);
        await lab.CancelOneAsync();

        var delivery = await lab.DeliveryAsync(delivery => delivery.Attempts.Count == 1);

        Assert.StartsWith("https://", delivery.Url, StringComparison.Ordinal);
        Assert.Contains("SecureConnectionError", delivery.Attempts[0].Error, StringComparison.Ordinal);
        Assert.Empty(pretender.Told);
    }

    [Fact]
    public async Task A_receiver_that_does_not_answer_in_time_is_told_again_later()
    {
        await using var lab = await HookLab.StartAsync(("Webhooks:TimeoutSeconds", "1"));
        await lab.AddEndpointAsync();
        var hold = new TaskCompletionSource();
        lab.Receiver.Answer = _ => hold.Task;
        await lab.CancelOneAsync();

        var delivery = await lab.DeliveryAsync(delivery => delivery.Attempts.Count == 1);
        hold.SetResult();

        Assert.Equal("pending", delivery.Status);
        Assert.Contains("within 1 s", delivery.Attempts[0].Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_long_answer_is_kept_to_its_first_kilobyte()
    {
        await using var lab = await HookLab.StartAsync();
        await lab.AddEndpointAsync();
        lab.Receiver.Answer = response => response.WriteAsync(new string('x', 1 << 20));
        await lab.CancelOneAsync();

        var delivery = await lab.DeliveryAsync(delivery => delivery.Status == "delivered");

        Assert.Equal(new string('x', 1_024), delivery.Attempts[0].Body);
    }

    [Fact]
    public async Task Two_gateways_tell_each_receiver_once()
    {
        const int jobs = 24;
        await using var lab = await HookLab.StartAsync();
        await using var other = await lab.Gateway.StartAnotherAsync();
        await lab.AddEndpointAsync();
        await lab.AddEndpointAsync();
        for (var i = 0; i < jobs; i++)
        {
            await lab.CancelOneAsync();
        }

        await Wait.UntilAsync(
            async () => (await lab.DeliveriesAsync("?limit=100")).Count(delivery => delivery.Status == "delivered") == 2 * jobs,
            () => FormattableString.Invariant($"{lab.Receiver.Told.Count} of {2 * jobs} webhooks came."));

        Assert.Equal(2 * jobs, lab.Receiver.Told.Count);
        Assert.Equal(2 * jobs, lab.Receiver.Told.Select(told => told.Id).Distinct().Count());
    }

    [Fact]
    public async Task Both_secrets_sign_for_a_day_after_a_rotation()
    {
        await using var lab = await HookLab.StartAsync();
        var old = await lab.AddEndpointAsync();
        var rotated = await lab.Client.PostAsync($"/v1/webhook-endpoints/{old.Id}/rotate", null, Ct).ReadAsync<WebhookEndpoint>();
        await lab.CancelOneAsync();
        await lab.DeliveryAsync(delivery => delivery.Status == "delivered");
        var during = lab.Receiver.Told[0];
        await lab.Gateway.ExecuteAsync("update webhook_endpoints set previous_expires_at = clock_timestamp()");
        using var again = await lab.Client.PostAsync($"/v1/webhook-deliveries/{during.Id}/redeliver", null, Ct);
        await lab.DeliveryAsync(delivery => delivery is { Status: "delivered", Attempts.Count: 2 });
        var after = lab.Receiver.Told[1];

        Assert.NotEqual(old.Secret, rotated.Secret);
        Assert.InRange(rotated.PreviousSecretExpiresAt!.Value - rotated.CreatedAt, TimeSpan.FromHours(23.9), TimeSpan.FromHours(24.1));
        Assert.Equal([during.SignatureBy(rotated.Secret!), during.SignatureBy(old.Secret!)], during.Signatures);
        Assert.Equal([after.SignatureBy(rotated.Secret!)], after.Signatures);
    }

    private static Task Fail(HttpResponse response, int status, string? body)
    {
        response.StatusCode = status;
        return body is null ? Task.CompletedTask : response.WriteAsync(body);
    }
}
