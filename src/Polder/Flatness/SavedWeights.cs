namespace Polder.Flatness;

/// <summary>The weights as they stood when a measurement began: it moves away from them, and disposing puts them back, bit for bit.</summary>
internal sealed class SavedWeights : IDisposable
{
    private readonly ParameterSpace _space;

    public SavedWeights(ParameterSpace space)
    {
        _space = space;
        Values = space.CreateVector();
        space.Save(Values);
    }

    /// <summary>W.</summary>
    public ParameterVector Values { get; }

    /// <summary>Puts the parameters at W + <paramref name="scale"/> U.</summary>
    public void MoveTo(NoiseStream noise, int draw, double scale) => _space.MoveTo(Values, noise, 0, draw, scale);

    /// <summary>Puts the parameters at W plus multiples of some vectors.</summary>
    public void MoveTo(params ReadOnlySpan<(ParameterVector Direction, double Scale)> moves)
    {
        _space.Restore(Values);
        foreach ((ParameterVector direction, double scale) in moves)
            if (scale != 0)
                _space.Move(direction, scale);
    }

    /// <summary>f at the weights as they stand; infinite where it overflows, as far from W it may.</summary>
    public double Loss(IForwardObjective loss, CancellationToken cancellation)
    {
        try
        {
            return loss.Evaluate(_space, cancellation) is var value && double.IsNaN(value) ? double.PositiveInfinity : value;
        }
        catch (ArithmeticException)
        {
            return double.PositiveInfinity;
        }
    }

    /// <summary>From W + V to W - V.</summary>
    public void Mirror() => _space.Mirror(Values);

    public void Dispose()
    {
        _space.Restore(Values);
        Values.Dispose();
    }
}
