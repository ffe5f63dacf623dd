using System.Net;
using System.Net.Http.Json;
using System.Text;
using I2V.Protocol;
using I2V.Protocol.Errors;

namespace I2V.IntegrationTests.Jobs;

/// <summary>Each bad request gets its code and a sentence, and leaves rows, objects and temporary files as they were.</summary>
public sealed class BadInputTests(ApiFixture api) : IClassFixture<ApiFixture>
{
    private const string Hls = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n";
    private const string Svg = "<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>";
    private readonly CancellationToken ct = TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Images => new()
    {
        { "not an image", ErrorCode.ImageUnreadable },
        { "truncated", ErrorCode.ImageUnreadable },
        { "60000 x 60000 header", ErrorCode.ImageTooLarge },
        { "bomb", ErrorCode.ImageTooLarge },
        { "playlist", ErrorCode.ImageUnreadable },
        { "svg", ErrorCode.ImageUnreadable },
        { "empty", ErrorCode.ImageUnreadable },
    };

    [Theory]
    [MemberData(nameof(Images))]
    public async Task A_bad_image_is_refused_by_name(string kind, string code)
    {
        var image = kind switch
        {
            "not an image" => "hello, I am a text"u8.ToArray(),
            "truncated" => ApiFixture.Photo[..(ApiFixture.Photo.Length / 2)],
            "60000 x 60000 header" => BadImages.WithSize(60_000, 60_000),
            "bomb" => BadImages.Bomb,
            "playlist" => Encoding.ASCII.GetBytes(Hls),
            "svg" => Encoding.ASCII.GetBytes(Svg),
            _ => [],
        };

        var problem = await RefusedAsync(ApiFixture.Form(image), HttpStatusCode.BadRequest, code);

        Assert.Equal("/input/image", Assert.Single(problem.Errors!).Pointer);
    }

    [Fact]
    public async Task A_bomb_of_a_megabyte_is_refused_by_what_it_would_unpack_to()
    {
        Assert.InRange(BadImages.Bomb.Length, 980_000, 1_020_000);

        var problem = await RefusedAsync(ApiFixture.Form(BadImages.Bomb), HttpStatusCode.BadRequest, ErrorCode.ImageTooLarge);

        Assert.Contains("16000×16000", problem.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model", "sora", "/model", ErrorCode.UnsupportedModel, "lab, motion")]
    [InlineData("colour", "red", "/colour", ErrorCode.InvalidInput, "Unknown field")]
    [InlineData("num_frames", "0", "/input/num_frames", ErrorCode.InvalidInput, "1 to 64")]
    [InlineData("num_frames", "1000000", "/input/num_frames", ErrorCode.InvalidInput, "1 to 64")]
    [InlineData("guidance_scale", "NaN", "/input/guidance_scale", ErrorCode.InvalidInput, "finite")]
    [InlineData("width", "33", "/input/width", ErrorCode.InvalidInput, "take 32 or 34")]
    [InlineData("fps", "61", "/input/fps", ErrorCode.InvalidInput, "1 to 60")]
    public async Task A_bad_field_is_refused_with_what_would_be_right(string name, string value, string pointer, string code, string says)
    {
        var problem = await RefusedAsync(ApiFixture.Form(ApiFixture.Photo, (name, value)), HttpStatusCode.BadRequest, code);

        var error = Assert.Single(problem.Errors!);
        Assert.Equal(pointer, error.Pointer);
        Assert.Contains(says, error.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_number_of_frames_against_the_rule_has_a_code_of_its_own()
    {
        var problem = await RefusedAsync(ApiFixture.Form(ApiFixture.Photo, ("model", "lab"), ("num_frames", "8")), HttpStatusCode.BadRequest, ErrorCode.FrameRule);

        Assert.Contains("take 5 or 9", problem.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"input":{"guidance_scale":NaN}}""", "/input/guidance_scale")]
    [InlineData("""{"input":{"guidance_scale":"NaN"}}""", "/input/guidance_scale")]
    [InlineData("""{"input":{"guidance_scale":1e999}}""", "/input/guidance_scale")]
    [InlineData("""{"input":{"num_frames":0}}""", "/input/num_frames")]
    [InlineData("""{"input":{"num_frames":1000000}}""", "/input/num_frames")]
    [InlineData("""{"input":{"colour":"red"}}""", "/input/colour")]
    [InlineData("""{"colour":"red"}""", "/colour")]
    [InlineData("""{"model":"sora"}""", "/model")]
    public async Task A_bad_member_of_JSON_is_refused_at_its_pointer(string body, string pointer)
    {
        using var response = await RefuseAsync(ApiFixture.Json(body));

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        var problem = (await response.Content.ReadFromJsonAsync<Problem>(I2VJson.Options, ct))!;
        Assert.Contains(problem.Errors!, error => error.Pointer == pointer);
    }

    [Fact]
    public async Task JSON_that_is_not_UTF_8_is_refused()
    {
        using var body = new ByteArrayContent([.. "{\"input\":{\"prompt\":\""u8, 0xff, 0xfe, .. "\"}}"u8]) { Headers = { { "Content-Type", "application/json" } } };

        await RefusedAsync(body, HttpStatusCode.BadRequest, ErrorCode.InvalidInput);
    }

    [Theory]
    [InlineData("https://127.0.0.1/photo.png")]
    [InlineData("https://169.254.169.254/latest/meta-data")]
    [InlineData("file:///etc/passwd")]
    public async Task An_address_inside_the_network_or_of_a_file_is_refused(string url)
    {
        var problem = await RefusedAsync(
            ApiFixture.Json($$$"""{"input":{"image":{"url":"{{{url}}}"} } }"""), HttpStatusCode.BadRequest, ErrorCode.InvalidInput);

        Assert.Equal("/input/image/url", Assert.Single(problem.Errors!).Pointer);
    }

    [Fact]
    public async Task A_wrong_key_is_401_and_leaves_nothing()
    {
        using var stranger = api.Gateway.NewClient("i2v_live_NOSUCHKY_" + new string('x', 43));
        var before = await api.Gateway.LeftoversAsync();

        using var response = await stranger.PostAsync("/v1/jobs", ApiFixture.Form(ApiFixture.Photo), ct);

        await ApiFixture.ProblemAsync(response, HttpStatusCode.Unauthorized, ErrorCode.Unauthorized);
        Assert.Equal(before, await api.Gateway.LeftoversAsync());
    }

    [Theory]
    [InlineData("a\\u0000b")]
    [InlineData("\\ud800")]
    [InlineData("x\\udfffy")]
    public async Task A_prompt_that_is_no_text_is_refused_in_JSON(string prompt)
    {
        var body = $$$"""{"input":{"prompt":"{{{prompt}}}","image":{"data_url":"data:image/png;base64,{{{Convert.ToBase64String(ApiFixture.Photo)}}}"} } }""";

        var problem = await RefusedAsync(ApiFixture.Json(body), HttpStatusCode.BadRequest, ErrorCode.InvalidInput);

        Assert.Equal("/input/prompt", Assert.Single(problem.Errors!).Pointer);
    }

    [Theory]
    [InlineData(new byte[] { 0 })]
    [InlineData(new byte[] { 0xff, 0xfe })]
    [InlineData(new byte[] { 0xed, 0xa0, 0x80 })]
    public async Task A_prompt_that_is_no_text_is_refused_in_forms(byte[] prompt)
    {
        var form = ApiFixture.Form(ApiFixture.Photo);
        form.Add(new ByteArrayContent(prompt), "prompt");

        var problem = await RefusedAsync(form, HttpStatusCode.BadRequest, ErrorCode.InvalidInput);

        Assert.Equal("/input/prompt", Assert.Single(problem.Errors!).Pointer);
    }

    [Fact]
    public async Task A_prompt_of_a_megabyte_is_refused()
    {
        var problem = await RefusedAsync(ApiFixture.Form(ApiFixture.Photo, ("prompt", new string('x', 1 << 20))), HttpStatusCode.BadRequest, ErrorCode.InvalidInput);

        Assert.Contains("4,000", problem.Detail, StringComparison.Ordinal);

        var inJson = await RefusedAsync(
            ApiFixture.Json($$$"""{"input":{"prompt":"{{{new string('x', 1 << 20)}}}","image":{"data_url":"data:image/png;base64,{{{Convert.ToBase64String(ApiFixture.Photo)}}}"} } }"""),
            HttpStatusCode.BadRequest,
            ErrorCode.InvalidInput);
        Assert.Contains("4,000", inJson.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_image_above_the_limit_is_413() =>
        await RefusedAsync(ApiFixture.Form(new byte[(20 << 20) + 1]), HttpStatusCode.RequestEntityTooLarge, ErrorCode.PayloadTooLarge);

    [Fact]
    public async Task A_chunked_body_that_names_no_length_is_413_at_the_limit()
    {
        using var content = new StreamContent(new NamelessStream(32 << 20));
        content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        await RefusedAsync(content, HttpStatusCode.RequestEntityTooLarge, ErrorCode.PayloadTooLarge);
    }

    [Fact]
    public async Task Errors_of_fields_and_limits_come_together()
    {
        var problem = await RefusedAsync(ApiFixture.Form(ApiFixture.Photo, ("colour", "red"), ("num_frames", "0"), ("seed", "-1")), HttpStatusCode.BadRequest, ErrorCode.InvalidInput);

        Assert.Equal(["/colour", "/input/num_frames", "/input/seed"], problem.Errors!.Select(error => error.Pointer).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("GET", "/v1/nothing", HttpStatusCode.NotFound, ErrorCode.NotFound)]
    [InlineData("PATCH", "/v1/jobs", HttpStatusCode.MethodNotAllowed, ErrorCode.InvalidInput)]
    [InlineData("POST", "/v1/jobs", HttpStatusCode.UnsupportedMediaType, ErrorCode.InvalidInput)]
    public async Task What_the_framework_refuses_is_a_problem_too(string method, string path, HttpStatusCode status, string code)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        using var response = await api.Client.SendAsync(request, ct);

        await ApiFixture.ProblemAsync(response, status, code);
    }

    private async Task<Problem> RefusedAsync(HttpContent content, HttpStatusCode status, string code)
    {
        using var response = await RefuseAsync(content);
        return await ApiFixture.ProblemAsync(response, status, code);
    }

    /// <summary>Submits, and checks that nothing is left behind.</summary>
    private async Task<HttpResponseMessage> RefuseAsync(HttpContent content)
    {
        var before = await api.Gateway.LeftoversAsync();
        var response = await api.Client.PostAsync("/v1/jobs", content, ct);
        Assert.Equal(before, await api.Gateway.LeftoversAsync());
        return response;
    }
}
