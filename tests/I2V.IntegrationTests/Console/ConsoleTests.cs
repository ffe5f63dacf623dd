using System.Text.RegularExpressions;
using I2V.IntegrationTests.Jobs;
using I2V.IntegrationTests.Servers;
using I2V.Protocol.Jobs;
using Microsoft.Playwright;

namespace I2V.IntegrationTests.Console;

/// <summary>The page in a real Chromium: from a picture to the film that plays.</summary>
public sealed class ConsoleTests(ApiFixture api) : IClassFixture<ApiFixture>, IAsyncLifetime
{
    private readonly CancellationToken ct = TestContext.Current.CancellationToken;
    private readonly List<string> complaints = [];
    private IPlaywright playwright = null!;
    private IBrowser browser = null!;

    public async ValueTask InitializeAsync()
    {
        await api.EmptyAsync();
        playwright = await Playwright.CreateAsync();
        browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = Chromium.Path,
            Args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        });
    }

    public async ValueTask DisposeAsync()
    {
        await browser.DisposeAsync();
        playwright.Dispose();
    }

    [Fact]
    public async Task A_dropped_picture_becomes_a_film_that_plays()
    {
        var page = await OpenAsync($"/#key={api.Gateway.ApiKey}");
        await Assertions.Expect(page.Locator("#job-form")).ToBeVisibleAsync();
        Assert.DoesNotContain("key=", page.Url, StringComparison.Ordinal);
        await page.SetInputFilesAsync("#image", await PhotoFileAsync());
        await Assertions.Expect(page.Locator("#preview")).ToBeVisibleAsync();
        await page.FillAsync("#prompt", "slow pan to the right");
        await ShootAsync(page, "console-form");
        await page.ClickAsync("#submit");

        await Assertions.Expect(page.Locator("#status")).ToHaveTextAsync(new Regex("Waiting"));
        var claim = await ClaimAsync();
        await api.Worker.BeatAsync(claim, JobPhase.Denoising, 50, 2);
        await Assertions.Expect(page.GetByRole(AriaRole.Progressbar)).ToHaveAttributeAsync("aria-valuenow", "50");
        await Assertions.Expect(page.Locator("#status")).ToHaveTextAsync("Making the frames, step 2 of 4");
        await ShootAsync(page, "console-progress");
        await api.Worker.CompleteAsync(claim);

        await Assertions.Expect(page.Locator("#status")).ToHaveTextAsync("Your film is ready");
        await Assertions.Expect(page.Locator("#video")).ToBeVisibleAsync();
        await page.WaitForFunctionAsync("() => { const v = document.querySelector('#video'); return v.readyState >= 3 && v.videoWidth > 0 && v.currentTime > 0; }");
        Assert.Equal("true", await page.EvaluateAsync<string>("() => String(document.querySelector('#video').loop && document.querySelector('#video').playsInline)"));
        var download = await page.RunAndWaitForDownloadAsync(() => page.ClickAsync("#download"));
        Assert.EndsWith(".mp4", download.SuggestedFilename, StringComparison.Ordinal);
        await Assertions.Expect(page.Locator("#recent-list li")).ToHaveCountAsync(1);
        await ShootAsync(page, "console-film");
        Assert.Empty(complaints);
    }

    [Fact]
    public async Task A_key_is_asked_for_and_a_wrong_one_is_said_to_be_wrong()
    {
        var page = await OpenAsync("/");
        await page.FillAsync("#key", "i2v_live_wrong");
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.Locator("#key-error")).ToHaveTextAsync("The gateway does not know this key.");

        await page.FillAsync("#key", api.Gateway.ApiKey);
        await page.Keyboard.PressAsync("Enter");

        await Assertions.Expect(page.Locator("#job-form")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_wrong_setting_is_explained_beside_its_field()
    {
        var page = await OpenAsync($"/#key={api.Gateway.ApiKey}");
        await page.SetInputFilesAsync("#image", await PhotoFileAsync());
        await page.Locator("summary").ClickAsync();
        await page.FillAsync("#setting-num_frames", "1000");
        await page.ClickAsync("#submit");

        await Assertions.Expect(page.Locator("#error-num_frames")).ToContainTextAsync("1 to 64");
        await Assertions.Expect(page.Locator("#setting-num_frames")).ToHaveAttributeAsync("aria-invalid", "true");
    }

    [Fact]
    public async Task A_film_that_is_waited_for_can_be_canceled_by_keyboard()
    {
        var page = await OpenAsync($"/#key={api.Gateway.ApiKey}");
        await page.SetInputFilesAsync("#image", await PhotoFileAsync());
        await page.FocusAsync("#submit");
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.Locator("#cancel")).ToBeVisibleAsync();
        await page.FocusAsync("#cancel");
        await page.Keyboard.PressAsync("Enter");

        await Assertions.Expect(page.Locator("#status")).ToHaveTextAsync("Canceled");
        await Assertions.Expect(page.Locator("#cancel")).ToBeHiddenAsync();
    }

    [Fact]
    public async Task The_page_is_dark_where_the_system_is()
    {
        await using var context = await browser.NewContextAsync(new BrowserNewContextOptions { ColorScheme = ColorScheme.Dark, ReducedMotion = ReducedMotion.Reduce });
        var page = await context.NewPageAsync();
        await page.GotoAsync($"{api.Gateway.Url}/#key={api.Gateway.ApiKey}");
        await Assertions.Expect(page.Locator("#job-form")).ToBeVisibleAsync();
        await ShootAsync(page, "console-dark");

        Assert.Equal("rgb(18, 18, 23)", await page.EvaluateAsync<string>("() => getComputedStyle(document.body).backgroundColor"));
    }

    private async Task<IPage> OpenAsync(string path)
    {
        var page = await browser.NewPageAsync(new BrowserNewPageOptions { ViewportSize = new ViewportSize { Width = 900, Height = 1000 } });
        page.Console += (_, message) =>
        {
            if (message.Type == "error")
            {
                complaints.Add(message.Text);
            }
        };
        page.PageError += (_, error) => complaints.Add(error);
        await page.GotoAsync(api.Gateway.Url + path);
        return page;
    }

    private static async Task<string> PhotoFileAsync()
    {
        var file = Path.Combine(TestFolder.Create("photo"), "photo.png");
        await File.WriteAllBytesAsync(file, ApiFixture.Picture(480, 320), TestContext.Current.CancellationToken);
        return file;
    }

    private async Task<Protocol.Workers.ClaimedJob> ClaimAsync()
    {
        while (true)
        {
            if (await api.Worker.ClaimAsync() is { } claim)
            {
                return claim;
            }

            ct.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Where <c>I2V_TEST_SHOTS</c> names a folder, for people who want to see the page.</summary>
    private static async Task ShootAsync(IPage page, string name)
    {
        if (Environment.GetEnvironmentVariable("I2V_TEST_SHOTS") is { Length: > 0 } folder)
        {
            await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(folder, name + ".png"), FullPage = true });
        }
    }
}

/// <summary>The browser that the machine has.</summary>
internal static class Chromium
{
    private static readonly string[] Places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    public static string Path => Environment.GetEnvironmentVariable("I2V_TEST_CHROMIUM") is { Length: > 0 } given
        ? given
        : Places.FirstOrDefault(File.Exists) ?? throw new InvalidOperationException("No Chromium was found: install the package chromium, or set I2V_TEST_CHROMIUM to a browser's path.");
}
