using System.Globalization;

namespace I2V.Gateway.Jobs.Intake;

/// <summary>
/// Takes the known members out of an object one by one and refuses those that nobody took. Each taker returns null when the
/// member is absent, null or wrong; in the last case it has added the error.
/// </summary>
internal sealed class Fields(RawObject source, ErrorList errors)
{
    private readonly HashSet<string> known = new(StringComparer.Ordinal);

    public string Pointer => source.Pointer;

    public IEnumerable<string> Names => source.Members.Keys;

    public string At(string name) => RawValue.Child(source.Pointer, name);

    public string? Text(string name, int maxCharacters, int minCharacters = 0)
    {
        if (Take(name) is not { } value)
        {
            return null;
        }

        if (value is not RawText raw)
        {
            errors.Add(value.Pointer, $"Must be a text, not {value.Kind}.");
            return null;
        }

        var text = raw.Text;
        if (text.Length > maxCharacters || text.Length < minCharacters)
        {
            var range = minCharacters == 0 ? $"at most {maxCharacters:N0}" : $"{minCharacters:N0} to {maxCharacters:N0}";
            errors.Add(value.Pointer, string.Create(CultureInfo.InvariantCulture, $"Has {text.Length:N0} characters; may have {range}."));
            return null;
        }

        return text;
    }

    /// <summary>The text's bytes, of any length.</summary>
    public RawText? LongText(string name)
    {
        var value = Take(name);
        if (value is not null and not RawText)
        {
            errors.Add(value.Pointer, $"Must be a text, not {value.Kind}.");
        }

        return value as RawText;
    }

    public string? OneOf(string name, params IReadOnlyList<string> allowed)
    {
        var pointer = At(name);
        if (Text(name, maxCharacters: 64) is not { } text)
        {
            return null;
        }

        if (allowed.Contains(text))
        {
            return text;
        }

        errors.Add(pointer, $"Must be one of {string.Join(", ", allowed)}.");
        return null;
    }

    /// <summary>A list of different words, at least one. Null too when an item is wrong.</summary>
    public IReadOnlyList<string>? Texts(string name, IReadOnlyList<string> allowed)
    {
        if (Take(name) is not { } value)
        {
            return null;
        }

        var choice = $"one of {string.Join(", ", allowed)}";
        if (value is not RawArray { Items: var items })
        {
            errors.Add(value.Pointer, $"Must be a list, not {value.Kind}; each item is {choice}.");
            return null;
        }

        if (items.FirstOrDefault(item => item is not RawText text || !allowed.Contains(text.Text)) is { } wrong)
        {
            errors.Add(wrong.Pointer, $"Must be {choice}.");
            return null;
        }

        string[] texts = [.. items.Cast<RawText>().Select(item => item.Text)];
        if (texts.Length == 0 || texts.Distinct().Count() < texts.Length)
        {
            errors.Add(value.Pointer, $"Must hold at least {choice}, and none of them twice.");
            return null;
        }

        return texts;
    }

    public bool? Flag(string name)
    {
        if (Take(name) is not { } value)
        {
            return null;
        }

        if (value is RawBoolean flag)
        {
            return flag.Value;
        }

        errors.Add(value.Pointer, $"Must be true or false, not {value.Kind}.");
        return null;
    }

    public int? Integer(string name, int min = int.MinValue, int max = int.MaxValue) => (int?)Long(name, min, max);

    public long? Long(string name, long min, long max)
    {
        if (Number(name) is not { } number)
        {
            return null;
        }

        var pointer = At(name);
        var range = string.Create(CultureInfo.InvariantCulture, $"a whole number from {min} to {max}");
        if (!double.IsInteger(number))
        {
            errors.Add(pointer, string.Create(CultureInfo.InvariantCulture, $"Is {number}; must be {range}."));
            return null;
        }

        // A double holds every integer up to 2^53, and no range of ours goes beyond.
        if (number < min || number > max)
        {
            errors.Add(pointer, string.Create(CultureInfo.InvariantCulture, $"Is {number}; must be {range}."));
            return null;
        }

        return (long)number;
    }

    public double? Number(string name)
    {
        if (Take(name) is not { } value)
        {
            return null;
        }

        var literal = value switch
        {
            RawNumber number => number.Literal,
            RawText { FromForm: true } text => text.Text.Trim(),
            _ => null,
        };
        if (literal is null)
        {
            errors.Add(value.Pointer, $"Must be a number, not {value.Kind}.");
            return null;
        }

        const NumberStyles plain = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        if (!double.TryParse(literal, plain, CultureInfo.InvariantCulture, out var result) || !double.IsFinite(result))
        {
            errors.Add(value.Pointer, "Must be a finite number, such as 8 or 7.5.");
            return null;
        }

        return result;
    }

    public Fields? Object(string name)
    {
        switch (Take(name))
        {
            case null:
                return null;
            case RawObject child:
                return new Fields(child, errors);
            case var other:
                errors.Add(other.Pointer, $"Must be an object, not {other.Kind}.");
                return null;
        }
    }

    /// <summary>Refuses a member that the API has, but not here or not yet.</summary>
    public void Refuse(string name, string why)
    {
        if (Take(name) is { } value)
        {
            errors.Add(value.Pointer, why);
        }
    }

    /// <summary>Refuses what nobody took.</summary>
    public void Close()
    {
        foreach (var name in source.Members.Keys.Where(name => !known.Contains(name)))
        {
            errors.Add(At(name), $"Unknown field. Known here: {string.Join(", ", known.Order(StringComparer.Ordinal))}.");
        }
    }

    private RawValue? Take(string name)
    {
        known.Add(name);
        return source.Members.GetValueOrDefault(name) is { } value and not RawNull ? value : null;
    }
}
