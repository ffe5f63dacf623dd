using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace I2V.Protocol;

/// <summary>What every process logs, and how: one line an entry, with the time in UTC.</summary>
public static class LoggingDefaults
{
    /// <summary>
    /// Our own entries and the host's; of the framework only warnings, since its entries about requests hold addresses, and
    /// signed links are secrets. <c>Logging__LogLevel__CATEGORY</c> asks for more.
    /// </summary>
    public static IHostApplicationBuilder AddI2VLogging(this IHostApplicationBuilder builder)
    {
        builder.Logging
            .AddSimpleConsole(console =>
            {
                console.SingleLine = true;
                console.UseUtcTimestamp = true;
                console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            })
            .AddFilter("Microsoft", LogLevel.Warning)
            .AddFilter("Microsoft.Hosting.Lifetime", LogLevel.Information)
            .AddFilter("System.Net.Http", LogLevel.Warning);
        return builder;
    }
}
