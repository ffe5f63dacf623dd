using System.Net.Http.Json;
using I2V.Protocol;

namespace I2V.IntegrationTests.Jobs;

internal static class HttpAnswers
{
    /// <summary>Reads an answer in the API's dialect.</summary>
    public static async Task<T> ReadAsync<T>(this Task<HttpResponseMessage> answer)
    {
        using var response = await answer;
        return await response.ReadAsync<T>();
    }

    /// <summary>The same of an answer that is looked at otherwise too.</summary>
    public static async Task<T> ReadAsync<T>(this HttpResponseMessage response) =>
        (await response.Content.ReadFromJsonAsync<T>(I2VJson.Options, TestContext.Current.CancellationToken))!;
}
