using System.Text;
using I2V.Gateway.Jobs.Intake;
using I2V.Protocol.Errors;

namespace I2V.Tests.Gateway;

public sealed class RequestReaderTests
{
    private const string Image = """{"data_url":"data:image/png;base64,AQID"}""";

    [Fact]
    public async Task Only_the_image_is_required()
    {
        var (request, errors) = await Submits.ReadFormAsync(Submits.Image);

        Assert.Empty(errors);
        Assert.Equal([1, 2, 3], ((ImageSource.Inline)request!.Image!).File.ToArray());
    }

    [Fact]
    public async Task A_request_without_an_image_says_how_to_send_one()
    {
        var (_, errors) = await Submits.ReadFormAsync(Submits.Field("prompt", "zoom"));

        var error = Assert.Single(errors);
        Assert.Equal("/input/image", error.Pointer);
        Assert.Contains("file field \"image\"", error.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Form_fields_and_JSON_make_the_same_request()
    {
        var (form, formErrors) = await Submits.ReadFormAsync(
            Submits.Field("seed", "42"), Submits.Image, Submits.Field("prompt", "slow zoom in"), Submits.Field("priority", "3"), Submits.Field("guidance_scale", "7.5"));
        var (json, jsonErrors) = await Submits.ReadJsonAsync(
            """{"priority":3,"input":{"prompt":"slow zoom in","guidance_scale":7.50,"image":IMAGE,"seed":42}}""".Replace("IMAGE", Image, StringComparison.Ordinal));

        Assert.Empty(formErrors);
        Assert.Empty(jsonErrors);
        Assert.Equal(form!.CanonicalHash(), json!.CanonicalHash());
    }

    [Fact]
    public async Task Another_image_prompt_or_tag_makes_another_request()
    {
        string[] bodies =
        [
            $$$"""{"input":{"image":{{{Image}}}}}""",
            """{"input":{"image":{"data_url":"data:image/png;base64,AQIE"}}}""",
            $$$"""{"input":{"image":{{{Image}}},"prompt":"pan left"}}""",
            $$$"""{"input":{"image":{{{Image}}}},"tags":{"a":"b"}}""",
        ];
        var hashes = new HashSet<string>();
        foreach (var body in bodies)
        {
            var (request, errors) = await Submits.ReadJsonAsync(body);
            Assert.Empty(errors);
            hashes.Add(Convert.ToHexString(request!.CanonicalHash()));
        }

        Assert.Equal(bodies.Length, hashes.Count);
    }

    [Fact]
    public async Task The_request_part_holds_the_JSON_and_fields_add_to_it()
    {
        var (request, errors) = await Submits.ReadFormAsync(
            Submits.Field("request", """{"input":{"prompt":"zoom"},"tags":{"project":"x"}}"""), Submits.Image, Submits.Field("seed", "7"));

        Assert.Empty(errors);
        Assert.Equal("zoom", request!.Settings.Prompt);
        Assert.Equal(7, request.Settings.Seed);
        Assert.Equal("x", request.Tags["project"]);
    }

    [Fact]
    public async Task A_webhook_is_part_of_the_request_that_a_key_stands_for()
    {
        var hashes = new HashSet<string>();
        foreach (var webhook in new[] { "null", """{"url":"https://x/a"}""", """{"url":"https://x/b"}""", """{"url":"https://x/a","events":["job.failed"]}""" })
        {
            var (request, errors) = await Submits.ReadJsonAsync($$"""{"input":{"image":{{Image}}},"webhook":{{webhook}}}""");
            Assert.Empty(errors);
            hashes.Add(Convert.ToHexString(request!.CanonicalHash()));
        }

        Assert.Equal(4, hashes.Count);
    }

    [Theory]
    [InlineData("""{"input":{"image":IMAGE,"foo":1}}""", "/input/foo", "Unknown field")]
    [InlineData("""{"input":{"image":IMAGE},"bar":1}""", "/bar", "Unknown field")]
    [InlineData("""{"input":{"image":IMAGE,"seed":1,"seed":2}}""", "/input/seed", "twice")]
    [InlineData("""{"input":{"image":IMAGE,"guidance_scale":NaN}}""", "/input/guidance_scale", "finite")]
    [InlineData("""{"input":{"image":IMAGE,"guidance_scale":-Infinity}}""", "/input/guidance_scale", "finite")]
    [InlineData("""{"input":{"image":IMAGE,"guidance_scale":1e999}}""", "/input/guidance_scale", "finite")]
    [InlineData("""{"input":{"image":IMAGE,"guidance_scale":"7.5"}}""", "/input/guidance_scale", "not a text")]
    [InlineData("""{"input":{"image":IMAGE,"num_frames":16.5}}""", "/input/num_frames", "whole number")]
    [InlineData("""{"input":{"image":IMAGE,"seed":-1}}""", "/input/seed", "9007199254740991")]
    [InlineData("""{"input":{"image":IMAGE,"prompt":7}}""", "/input/prompt", "not a number")]
    [InlineData("""{"input":{"image":IMAGE,"prompt":"a\u0000b"}}""", "/input/prompt", "U+0000")]
    [InlineData("""{"input":{"image":IMAGE,"prompt":"a\ud800b"}}""", "/input/prompt", "surrogate")]
    [InlineData("""{"input":{"image":IMAGE,"prompt":"\udc00"}}""", "/input/prompt", "surrogate")]
    [InlineData("""{"input":{"image":IMAGE},"priority":11}""", "/priority", "-10 to 10")]
    [InlineData("""{"input":{"image":IMAGE},"speed":"warp"}""", "/speed", "exact, fast")]
    [InlineData("""{"input":{"image":IMAGE},"fit":{"policy":"hope"}}""", "/fit/policy", "degrade, wait, fail")]
    [InlineData("""{"input":{"image":IMAGE},"tags":{"a b":"c"}}""", "/tags/a b", "letters")]
    [InlineData("""{"input":{"image":IMAGE},"tags":{"a/b":"c"}}""", "/tags/a~1b", "letters")]
    [InlineData("""{"input":{"image":IMAGE},"output":{"expires_in":5}}""", "/output/expires_in", "60 to 604800")]
    [InlineData("""{"input":{"image":IMAGE},"webhook":{"events":["job.failed"]}}""", "/webhook/url", "required")]
    [InlineData("""{"input":{"image":IMAGE},"webhook":{"url":7}}""", "/webhook/url", "not a number")]
    [InlineData("""{"input":{"image":IMAGE},"webhook":{"url":"https://x","secret":"s"}}""", "/webhook/secret", "Unknown field")]
    [InlineData("""{"input":{"image":IMAGE},"webhook":{"url":"https://x","events":"job.failed"}}""", "/webhook/events", "a list")]
    [InlineData("""{"input":{"image":IMAGE},"webhook":{"url":"https://x","events":[]}}""", "/webhook/events", "at least")]
    [InlineData("""{"input":{"image":IMAGE},"webhook":{"url":"https://x","events":["job.failed","job.failed"]}}""", "/webhook/events", "twice")]
    [InlineData("""{"input":{"image":IMAGE},"webhook":{"url":"https://x","events":["job.failed","job.started"]}}""", "/webhook/events/1", "job.succeeded, job.failed")]
    [InlineData("""{"input":{"image":IMAGE},"webhook":{"url":"https://x","events":[[7]]}}""", "/webhook/events/0", "one of")]
    [InlineData("""{"input":{"image":IMAGE},"webhook":{"url":"https://x","events":[NaN]}}""", "/webhook/events", "finite")]
    [InlineData("""{"input":{"image":{"upload_id":"u"}}}""", "/input/image/upload_id", "not available yet")]
    [InlineData("""{"input":{"image":{}}}""", "/input/image", "url or data_url")]
    [InlineData("""{"input":{"image":"photo.jpg"}}""", "/input/image", "object")]
    [InlineData("""{"input":{"image":{"data_url":"data:image/png;base64,?"}}}""", "/input/image/data_url", "base64")]
    [InlineData("""{"input":{"image":{"data_url":"hello"}}}""", "/input/image/data_url", "base64")]
    [InlineData("""{"input":{"image":{"url":"not an address"}}}""", "/input/image/url", "absolute")]
    [InlineData("""{"input":{"image":IMAGE}""", "/input", "not valid JSON")]
    [InlineData("""[1]""", "", "JSON object")]
    [InlineData("", "", "not valid JSON")]
    public async Task What_is_wrong_in_JSON_is_named_by_its_pointer(string body, string pointer, string says)
    {
        var (_, errors) = await Submits.ReadJsonAsync(body.Replace("IMAGE", Image, StringComparison.Ordinal));

        var error = Assert.Single(errors);
        Assert.Equal(pointer, error.Pointer);
        Assert.Contains(says, error.Detail, StringComparison.Ordinal);
        Assert.Equal(ErrorCode.InvalidInput, error.Code);
    }

    [Fact]
    public async Task Bytes_that_are_not_UTF8_are_refused_in_JSON()
    {
        byte[] body = [.. """{"input":{"image":"""u8, .. Encoding.UTF8.GetBytes(Image), .. ""","prompt":"a"""u8, 0xff, .. "\"}}"u8];

        var (_, errors) = await Submits.ReadJsonAsync(body);

        Assert.Equal("/input/prompt", Assert.Single(errors).Pointer);
    }

    [Theory]
    [InlineData(new byte[] { (byte)'a', 0xff })]
    [InlineData(new byte[] { 0xed, 0xa0, 0x80 })]
    [InlineData(new byte[] { (byte)'a', 0 })]
    public async Task Text_that_is_no_Unicode_is_refused_in_forms(byte[] prompt)
    {
        var (_, errors) = await Submits.ReadFormAsync(Submits.Image, ("prompt", prompt));

        Assert.Equal("/input/prompt", Assert.Single(errors).Pointer);
    }

    [Theory]
    [InlineData("guidance_scale", "NaN", "/input/guidance_scale")]
    [InlineData("guidance_scale", "Infinity", "/input/guidance_scale")]
    [InlineData("guidance_scale", "1e999", "/input/guidance_scale")]
    [InlineData("guidance_scale", "7,5", "/input/guidance_scale")]
    [InlineData("num_frames", "many", "/input/num_frames")]
    [InlineData("num_frames", "99999999999999999999", "/input/num_frames")]
    [InlineData("colour", "red", "/colour")]
    [InlineData("tags", "{}", "/tags")]
    public async Task What_is_wrong_in_a_form_is_named_by_the_pointer_of_its_JSON_twin(string name, string value, string pointer)
    {
        var (_, errors) = await Submits.ReadFormAsync(Submits.Image, Submits.Field(name, value));

        Assert.Equal(pointer, Assert.Single(errors).Pointer);
    }

    [Fact]
    public async Task A_prompt_may_have_4000_characters_and_no_more()
    {
        var (request, none) = await Submits.ReadFormAsync(Submits.Image, Submits.Field("prompt", new string('é', 4_000)));
        var (_, one) = await Submits.ReadFormAsync(Submits.Image, Submits.Field("prompt", new string('é', 4_001)));
        var (_, megabyte) = await Submits.ReadFormAsync(Submits.Image, Submits.Field("prompt", new string('x', 1 << 20)));

        Assert.Empty(none);
        Assert.Equal(4_000, request!.Settings.Prompt!.Length);
        Assert.Contains("4,000", Assert.Single(one).Detail, StringComparison.Ordinal);
        Assert.Contains("4,000", Assert.Single(megabyte).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_error_is_listed_at_once()
    {
        var (_, errors) = await Submits.ReadFormAsync(
            Submits.Field("colour", "red"), Submits.Field("seed", "-1"), Submits.Field("fps", "fast"), Submits.Field("speed", "warp"));

        Assert.Equal(["/colour", "/input/fps", "/input/image", "/input/seed", "/speed"], errors.Select(error => error.Pointer).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_field_given_twice_is_refused()
    {
        var (_, errors) = await Submits.ReadFormAsync(
            Submits.Image, Submits.Field("request", """{"input":{"prompt":"a"}}"""), Submits.Field("prompt", "b"));

        Assert.Equal("/input/prompt", Assert.Single(errors).Pointer);
    }

    [Fact]
    public async Task An_image_above_20_MiB_is_413_and_the_rest_of_the_body_is_not_read()
    {
        using var body = new MemoryStream(Submits.Form(("image", new byte[(20 << 20) + 1]), Submits.Field("prompt", new string('x', 3 << 20))));

        var problem = await Submits.RefusalAsync("multipart/form-data; boundary=----frontier", body.ToArray());

        Assert.Equal(413, problem.StatusCode);
        Assert.Equal(ErrorCode.PayloadTooLarge, problem.Code);
    }

    [Fact]
    public async Task A_data_URL_above_20_MiB_is_413()
    {
        var body = """{"input":{"image":{"data_url":"data:image/png;base64,FILE"}}}""".Replace("FILE", Convert.ToBase64String(new byte[(20 << 20) + 1]), StringComparison.Ordinal);

        var problem = await Submits.RefusalAsync("application/json", Encoding.UTF8.GetBytes(body));

        Assert.Equal(413, problem.StatusCode);
    }

    [Fact]
    public async Task A_hundred_parts_are_refused()
    {
        var parts = Enumerable.Range(0, 100).Select(i => Submits.Field($"x{i}", "1")).ToArray();

        var problem = await Submits.RefusalAsync("multipart/form-data; boundary=----frontier", Submits.Form(parts));

        Assert.Equal(400, problem.StatusCode);
    }

    [Fact]
    public async Task A_form_cut_off_in_the_middle_is_400()
    {
        var whole = Submits.Form(Submits.Image, Submits.Field("prompt", "zoom"));

        var problem = await Submits.RefusalAsync("multipart/form-data; boundary=----frontier", whole[..^20]);

        Assert.Equal(400, problem.StatusCode);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("")]
    public async Task Another_content_type_is_415(string type)
    {
        var problem = await Submits.RefusalAsync(type, "x"u8.ToArray());

        Assert.Equal(415, problem.StatusCode);
    }
}
