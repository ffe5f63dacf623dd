using System.Globalization;
using I2V.Gateway.Jobs.Intake;

namespace I2V.Gateway.Jobs;

/// <summary>The query parameters that every list has.</summary>
internal static class Paging
{
    private const int DefaultLimit = 20;
    private const int MaxLimit = 100;

    public static string? Last(IReadOnlyList<string?> values) => values is [.., { Length: > 0 } last] ? last : null;

    public static void RefuseUnknown(IQueryCollection values, IReadOnlyList<string> known, ErrorList errors)
    {
        foreach (var name in values.Keys.Where(name => !known.Contains(name)))
        {
            errors.Add($"/{name}", $"Unknown query parameter. Known: {string.Join(", ", known)}.");
        }
    }

    public static int ReadLimit(IQueryCollection values, ErrorList errors)
    {
        if (Last(values["limit"]) is not { } text)
        {
            return DefaultLimit;
        }

        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit is >= 1 and <= MaxLimit)
        {
            return limit;
        }

        errors.Add("/limit", $"Must be a whole number from 1 to {MaxLimit}.");
        return DefaultLimit;
    }

    /// <returns>Where the page before ended; null for the first page.</returns>
    public static Guid? ReadCursor(IQueryCollection values, ErrorList errors)
    {
        if (Last(values["cursor"]) is not { } text)
        {
            return null;
        }

        if (JobCursor.TryRead(text, out var after))
        {
            return after;
        }

        errors.Add("/cursor", "Is not a cursor of ours; take next_cursor of the page before.");
        return null;
    }
}
