namespace Polder.Flatness;

/// <summary>Which points of a slice are evaluated.</summary>
public sealed record SurfaceOptions
{
    /// <summary>The slice runs from -Radius to Radius along each direction, in units of the direction; above 0. Default 1.</summary>
    public double Radius { get; init; } = 1;

    /// <summary>Points along each direction, 3 or more; an odd number has W itself in the middle. Default 21.</summary>
    public int Points { get; init; } = 21;

    /// <summary>The positions of the points.</summary>
    public IReadOnlyList<double> Positions() =>
        [.. Enumerable.Range(0, Points).Select(i => 2 * i == Points - 1 ? 0 : Radius * ((2.0 * i / (Points - 1)) - 1))];

    /// <summary>Checks the options.</summary>
    /// <exception cref="ArgumentOutOfRangeException">One is out of range; the message names it and what is allowed.</exception>
    public void Validate()
    {
        Require.Positive(Radius);
        Require.AtLeast(Points, 3);
    }
}

/// <summary>The loss along one direction.</summary>
/// <param name="Positions">a.</param>
/// <param name="Losses">f(W + a u); NaN where it was not evaluated, infinite where it overflowed.</param>
public sealed record LossLine(IReadOnlyList<double> Positions, IReadOnlyList<double> Losses);

/// <summary>The loss over the plane of two directions.</summary>
/// <param name="Positions">a and b alike.</param>
/// <param name="Losses">[i][j] is f(W + a_i u + b_j v); NaN where it was not evaluated, infinite where it overflowed.</param>
public sealed record LossPlane(IReadOnlyList<double> Positions, IReadOnlyList<IReadOnlyList<double>> Losses);

/// <summary>Slices of the loss around the weights; the weights are put back whatever happens.</summary>
public static class LossSurface
{
    /// <summary>The loss along a line through W.</summary>
    /// <param name="loss">f, of the weights that the directions are of.</param>
    /// <param name="direction">u.</param>
    /// <param name="options">Radius and number of points; null is the defaults.</param>
    /// <param name="progress">Told after each point with what is known so far.</param>
    /// <param name="cancellation">Stops between points; the last report of <paramref name="progress"/> stays true.</param>
    /// <exception cref="ArgumentException">An option is out of range, or the direction is of another space.</exception>
    public static LossLine Line(
        IForwardObjective loss, ParameterVector direction, SurfaceOptions? options = null, IProgress<LossLine>? progress = null,
        CancellationToken cancellation = default)
    {
        options = Check(loss, options, direction);
        IReadOnlyList<double> positions = options.Positions();
        double[] losses = new double[positions.Count];
        Array.Fill(losses, double.NaN);
        using var weights = new SavedWeights(direction.Space);
        foreach (int i in FromTheMiddle(positions.Count))
        {
            weights.MoveTo((direction, positions[i]));
            losses[i] = weights.Loss(loss, cancellation);
            progress?.Report(new LossLine(positions, [.. losses]));
        }
        return new LossLine(positions, losses);
    }

    /// <summary>The loss over a plane through W.</summary>
    /// <param name="loss">f, of the weights that the directions are of.</param>
    /// <param name="first">u.</param>
    /// <param name="second">v.</param>
    /// <param name="options">Radius and number of points along each direction; null is the defaults.</param>
    /// <param name="progress">Told after each row of points with what is known so far.</param>
    /// <param name="cancellation">Stops between points; the last report of <paramref name="progress"/> stays true.</param>
    /// <exception cref="ArgumentException">An option is out of range, or a direction is of another space.</exception>
    public static LossPlane Plane(
        IForwardObjective loss, ParameterVector first, ParameterVector second, SurfaceOptions? options = null, IProgress<LossPlane>? progress = null,
        CancellationToken cancellation = default)
    {
        options = Check(loss, options, first, second);
        IReadOnlyList<double> positions = options.Positions();
        double[][] losses = [.. positions.Select(_ => Enumerable.Repeat(double.NaN, positions.Count).ToArray())];
        using var weights = new SavedWeights(first.Space);
        foreach (int i in FromTheMiddle(positions.Count))
        {
            for (int j = 0; j < positions.Count; j++)
            {
                weights.MoveTo((first, positions[i]), (second, positions[j]));
                losses[i][j] = weights.Loss(loss, cancellation);
            }
            progress?.Report(new LossPlane(positions, [.. losses.Select(row => (double[])row.Clone())]));
        }
        return new LossPlane(positions, losses);
    }

    // A slice that is stopped early shows the neighbourhood of W, not one edge.
    private static IEnumerable<int> FromTheMiddle(int count) => Enumerable.Range(0, count).OrderBy(i => Math.Abs((2 * i) - (count - 1)));

    private static SurfaceOptions Check(IForwardObjective loss, SurfaceOptions? options, params ReadOnlySpan<ParameterVector> directions)
    {
        ArgumentNullException.ThrowIfNull(loss);
        foreach (ParameterVector direction in directions)
        {
            ArgumentNullException.ThrowIfNull(direction);
            if (!ReferenceEquals(direction.Space, directions[0].Space))
                throw new ArgumentException("the second direction belongs to another parameter space than the first", nameof(directions));
        }
        options ??= new SurfaceOptions();
        options.Validate();
        return options;
    }
}
