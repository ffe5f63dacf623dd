using I2V.Gateway.Errors;
using I2V.Protocol.Errors;

namespace I2V.Gateway.Jobs.Intake;

/// <summary>Collects what is wrong with a request, so that one answer names all of it.</summary>
internal sealed class ErrorList
{
    /// <summary>Beyond this, more sentences help nobody and a hostile request would be answered at length.</summary>
    private const int Most = 32;

    private readonly List<ProblemItem> items = [];

    public bool Any => items.Count > 0;

    public IReadOnlyList<ProblemItem> Items => items;

    public void Add(string pointer, string detail, string code = ErrorCode.InvalidInput)
    {
        if (items.Count < Most)
        {
            items.Add(new ProblemItem(pointer, code, detail));
        }
    }

    public bool Has(string pointer) => items.Exists(item => item.Pointer == pointer);

    /// <exception cref="RefusedException">Something was added.</exception>
    public void ThrowIfAny()
    {
        if (Any)
        {
            throw Refusal();
        }
    }

    public RefusedException Refusal() => new(Problems.Invalid(items));
}
