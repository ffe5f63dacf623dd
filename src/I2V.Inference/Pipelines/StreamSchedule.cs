namespace I2V.Inference.Pipelines;

/// <summary>
/// The order in which units are brought and run: while one is computed from its slot, the next one is brought into the other.
/// </summary>
/// <remarks>
/// The next unit is begun before the present one is run: its slot is free when the unit before has ended, and so one copy
/// follows the other without a gap. After the last unit comes the first one again, for the next step; where the number of
/// units is odd both share a slot, and the first one comes only when the last one has ended. Its copy is then hidden by
/// nothing but what happens between steps: let the first unit be a small one. Up to two units stay where they are and are
/// brought once.
/// </remarks>
internal sealed class StreamSchedule(IUnitWeights weights)
{
    private const int Slots = 2;
    private const int Nobody = -1;

    private readonly int[] occupants = [Nobody, Nobody];
    private bool isRunning;

    /// <summary>Runs all units once, and returns when they have ended. After a failure or a cancellation both slots are empty.</summary>
    /// <param name="run">Runs a unit, or hands it to a device that keeps a queue.</param>
    /// <param name="ct">Asked before each unit; inside of them is the business of <paramref name="run"/>.</param>
    /// <exception cref="InvalidOperationException">A run is going on.</exception>
    public void Run(Action<int> run, CancellationToken ct)
    {
        if (isRunning)
        {
            throw new InvalidOperationException("The units of a network run one after the other: a second run cannot begin while one goes on.");
        }

        isRunning = true;
        var isWhole = false;
        try
        {
            for (var unit = 0; unit < weights.Count; unit++)
            {
                ct.ThrowIfCancellationRequested();
                Bring(unit);
                var next = (unit + 1) % weights.Count;
                if (next % Slots != unit % Slots)
                {
                    Bring(next);
                }

                weights.Wait(unit);
                run(unit);
                weights.Ran(unit);
            }

            Bring(0);
            weights.Finish();
            isWhole = true;
        }
        finally
        {
            if (!isWhole)
            {
                Clear();
            }

            isRunning = false;
        }
    }

    private void Bring(int unit)
    {
        var slot = unit % Slots;
        if (occupants[slot] == unit)
        {
            return;
        }

        Empty(slot);
        weights.Begin(unit);
        occupants[slot] = unit;
    }

    /// <summary>Leaves nothing in the slots, and nothing under way.</summary>
    private void Clear()
    {
        weights.Settle();
        for (var slot = 0; slot < Slots; slot++)
        {
            Empty(slot);
        }
    }

    private void Empty(int slot)
    {
        if (occupants[slot] is >= 0 and var before)
        {
            occupants[slot] = Nobody;
            weights.Drop(before);
        }
    }
}
