using I2V.Gateway.Scheduling;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;

namespace I2V.IntegrationTests.Scheduling;

/// <summary>Every state meets everything that can be said about a job, from whoever may say it and from everybody else.</summary>
public sealed class TransitionTableTests(TransitionTableTests.Database database) : IClassFixture<TransitionTableTests.Database>
{
    public enum Start
    {
        Queued,
        Held,
        Retrying,
        Running,
        Canceling,
        PastDeadline,
        Succeeded,
        Failed,
        Canceled,
        Expired,
    }

    public enum Verb
    {
        Heartbeat,
        Complete,
        FailRetryable,
        FailForGood,
        Release,
        Refuse,
        Degrade,
        Cancel,
        Hold,
        LetGo,
        Prioritise,
        Reap,
        Expire,
    }

    public enum Speaker
    {
        Rightful,
        WithWrongToken,
        OfAnOlderAttempt,
        OfANewerAttempt,
        AboutAnotherJob,
        OfAnotherTenant,
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private SchedulingLab Lab => database.Lab;

    public static TheoryData<Start, Verb, Speaker> Cases()
    {
        var cases = new TheoryData<Start, Verb, Speaker>();
        foreach (var start in Enum.GetValues<Start>())
        {
            foreach (var verb in Enum.GetValues<Verb>())
            {
                foreach (var speaker in SpeakersOf(verb))
                {
                    cases.Add(start, verb, speaker);
                }
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_job_changes_exactly_when_the_table_says_so(Start start, Verb verb, Speaker speaker)
    {
        var lease = await BringToAsync(start);
        await PrepareAsync(verb, lease.JobId);
        var before = await Lab.EverythingAsync(lease.JobId);

        await SayAsync(verb, await AsAsync(speaker, lease), speaker == Speaker.OfAnotherTenant ? database.OtherTenant : Lab.Tenant);

        if (speaker == Speaker.Rightful && Expected(start, verb) is { } expected)
        {
            Assert.Equal(expected, await Lab.StateAsync(lease.JobId));
            Assert.NotEqual(before, await Lab.EverythingAsync(lease.JobId));
        }
        else
        {
            Assert.Equal(before, await Lab.EverythingAsync(lease.JobId));
        }
    }

    /// <summary>The state afterwards; null where nothing at all may change.</summary>
    private static string? Expected(Start start, Verb verb) => (start, verb) switch
    {
        (Start.Running or Start.Canceling or Start.PastDeadline, Verb.Heartbeat or Verb.Degrade) => "running",
        (Start.Running or Start.Canceling or Start.PastDeadline, Verb.Complete) => "succeeded",
        (Start.Running, Verb.FailRetryable or Verb.Release or Verb.Refuse or Verb.Reap) => "queued",
        (Start.Running, Verb.FailForGood) => "failed",
        (Start.Running, Verb.Cancel or Verb.Expire) => "running",
        (Start.Canceling, Verb.FailRetryable or Verb.FailForGood or Verb.Release or Verb.Refuse or Verb.Reap) => "canceled",
        (Start.PastDeadline, Verb.FailRetryable or Verb.FailForGood or Verb.Release or Verb.Refuse or Verb.Reap) => "expired",
        (Start.Queued or Start.Held or Start.Retrying, Verb.Cancel) => "canceled",
        (Start.Queued or Start.Retrying, Verb.Hold) => "held",
        (Start.Held, Verb.LetGo) => "queued",
        (Start.Queued or Start.Retrying, Verb.Prioritise) => "queued",
        (Start.Held, Verb.Prioritise) => "held",
        (Start.Queued or Start.Held or Start.Retrying, Verb.Expire) => "expired",
        _ => null,
    };

    private static Speaker[] SpeakersOf(Verb verb) => verb switch
    {
        Verb.Reap or Verb.Expire => [Speaker.Rightful],
        Verb.Cancel or Verb.Hold or Verb.LetGo or Verb.Prioritise => [Speaker.Rightful, Speaker.OfAnotherTenant],
        _ => [Speaker.Rightful, Speaker.WithWrongToken, Speaker.OfAnOlderAttempt, Speaker.OfANewerAttempt, Speaker.AboutAnotherJob],
    };

    /// <summary>The job's last lease, which is a made-up one for a job that never ran.</summary>
    private async Task<Lease> BringToAsync(Start start)
    {
        if (start is Start.Queued or Start.Held)
        {
            var id = await Lab.SubmitAsync(NewJob());
            if (start == Start.Held)
            {
                await Lab.ExecuteAsync("update jobs set state = 'held' where id = $1", id);
            }

            return new Lease(id, 0, Guid.NewGuid());
        }

        var lease = await Lab.RunAsync(NewJob());
        switch (start)
        {
            case Start.Retrying:
                await SayAsync(Verb.FailRetryable, lease, Lab.Tenant);
                break;
            case Start.Succeeded:
                await SayAsync(Verb.Complete, lease, Lab.Tenant);
                break;
            case Start.Failed:
                await SayAsync(Verb.FailForGood, lease, Lab.Tenant);
                break;
            case Start.Canceling or Start.Canceled:
                await SayAsync(Verb.Cancel, lease, Lab.Tenant);
                break;
            case Start.PastDeadline or Start.Expired:
                await PrepareAsync(Verb.Expire, lease.JobId);
                await SayAsync(Verb.Expire, lease, Lab.Tenant);
                break;
        }

        if (start is Start.Canceled or Start.Expired)
        {
            await SayAsync(Verb.Release, lease, Lab.Tenant);
        }

        return lease;
    }

    /// <summary>A lane of its own, so that no other case's worker takes it.</summary>
    private NewJob NewJob() => Lab.NewJob(model: $"model-{Guid.NewGuid():N}");

    /// <summary>Moves the clock for the two verbs that time says.</summary>
    private async Task PrepareAsync(Verb verb, Guid job)
    {
        if (verb == Verb.Reap)
        {
            await Lab.LapseAsync(job);
        }
        else if (verb == Verb.Expire)
        {
            await Lab.ExecuteAsync("update jobs set deadline_at = clock_timestamp() - interval '1 second' where id = $1", job);
        }
    }

    private async Task<Lease> AsAsync(Speaker speaker, Lease lease) => speaker switch
    {
        Speaker.WithWrongToken => lease with { Token = Guid.NewGuid() },
        Speaker.OfAnOlderAttempt => lease with { Attempt = lease.Attempt - 1 },
        Speaker.OfANewerAttempt => lease with { Attempt = lease.Attempt + 1 },
        Speaker.AboutAnotherJob => (await Lab.RunAsync(NewJob())) with { JobId = lease.JobId },
        _ => lease,
    };

    private Task SayAsync(Verb verb, Lease lease, Guid tenant) => verb switch
    {
        Verb.Heartbeat => Lab.Transitions.HeartbeatAsync(lease, new JobProgress { Phase = JobPhase.Denoising, Percent = 50 }, plan: null, Ct),
        Verb.Complete => Lab.Transitions.CompleteAsync(lease, Samples.Result(), Ct),
        Verb.FailRetryable => Lab.Transitions.FailAsync(lease, ErrorCode.InferenceFailed, "The card was lost.", Ct),
        Verb.FailForGood => Lab.Transitions.FailAsync(lease, ErrorCode.ImageUnreadable, "Not an image.", Ct),
        Verb.Release => Lab.Transitions.ReleaseAsync(lease, "The worker is shutting down.", Ct),
        Verb.Refuse => Lab.Transitions.RefuseAsync(lease, Samples.Refusal(lease, neededGb: 9, freeGb: 7), Ct),
        Verb.Degrade => Lab.Transitions.DegradeAsync(lease, Samples.Step(lease, "resident", "sliced"), Ct),
        Verb.Cancel => Lab.Transitions.CancelAsync(tenant, lease.JobId, Ct),
        Verb.Hold => Lab.Transitions.ChangeAsync(tenant, lease.JobId, new JobChange(Hold: true), Ct),
        Verb.LetGo => Lab.Transitions.ChangeAsync(tenant, lease.JobId, new JobChange(Hold: false), Ct),
        Verb.Prioritise => Lab.Transitions.ChangeAsync(tenant, lease.JobId, new JobChange(Priority: 7), Ct),
        Verb.Reap => Lab.Transitions.ReapAsync(Ct),
        Verb.Expire => Lab.Transitions.ExpireAsync(Ct),
        _ => throw new ArgumentOutOfRangeException(nameof(verb)),
    };

    public sealed class Database : IAsyncLifetime
    {
        public SchedulingLab Lab { get; private set; } = null!;

        public Guid OtherTenant { get; private set; }

        public async ValueTask InitializeAsync()
        {
            Lab = await SchedulingLab.CreateAsync();
            OtherTenant = await Lab.AddTenantAsync("other");
        }

        public ValueTask DisposeAsync() => Lab.DisposeAsync();
    }
}
