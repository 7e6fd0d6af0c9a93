using static System.FormattableString;

namespace Polder.Experiments.Reports;

/// <summary>A slice of the loss surface as tables.</summary>
public static class LandscapeReport
{
    /// <summary>Makes the report of a line.</summary>
    /// <param name="line">The line; losses that are not known are NaN.</param>
    /// <param name="loss">The loss at the weights.</param>
    /// <param name="samples">The images.</param>
    /// <param name="parameters">The weights.</param>
    /// <param name="norms">The length of the direction.</param>
    /// <param name="eigenvalues">The eigenvalue of the direction; null where it is random.</param>
    public static Result Of(LossLine line, double loss, int samples, long parameters, IReadOnlyList<double> norms, IReadOnlyList<Eigenpair>? eigenvalues)
    {
        ArgumentNullException.ThrowIfNull(line);
        return Of(line.Positions, line.Losses, loss, samples, parameters, norms, eigenvalues, ResultTable.Of(
            "line", ["position", "loss"], line.Positions.Zip(line.Losses).Where(p => !double.IsNaN(p.Second)),
            p => [ResultCell.Of(p.First, "G3"), ResultCell.Of(p.Second, "G5")]));
    }

    /// <summary>Makes the report of a plane: its range for people, every point for programs.</summary>
    /// <param name="plane">The plane; losses that are not known are NaN.</param>
    /// <param name="loss">The loss at the weights.</param>
    /// <param name="samples">The images.</param>
    /// <param name="parameters">The weights.</param>
    /// <param name="norms">The lengths of the two directions.</param>
    /// <param name="eigenvalues">The eigenvalues of the directions; null where they are random.</param>
    public static Result Of(LossPlane plane, double loss, int samples, long parameters, IReadOnlyList<double> norms, IReadOnlyList<Eigenpair>? eigenvalues)
    {
        ArgumentNullException.ThrowIfNull(plane);
        (double First, double Second, double Loss)[] points =
            [.. plane.Losses.Zip(plane.Positions).SelectMany(row => row.First.Zip(plane.Positions), (row, point) => (row.Second, point.Second, point.First))];
        (double First, double Second, double Loss)[] known = [.. points.Where(p => !double.IsNaN(p.Loss))];
        return Of(
            plane.Positions, plane.Losses, loss, samples, parameters, norms, eigenvalues,
            new ResultTable(
                "plane", ["points", "loss at the weights", "smallest", "largest"],
                [[Invariant($"{known.Length} of {points.Length}"), ResultCell.Of(loss, "G5"), ResultCell.Of(known.Min(p => p.Loss), "G5"),
                    ResultCell.Of(known.Max(p => p.Loss), "G5")]])
            { In = ResultPlace.People },
            ResultTable.Of("losses", ["first", "second", "loss"], known,
                p => [new("", p.First), new("", p.Second), new("", p.Loss)]) with
            { In = ResultPlace.Programs });
    }

    private static Result Of(
        IReadOnlyList<double> positions, object losses, double loss, int samples, long parameters, IReadOnlyList<double> norms,
        IReadOnlyList<Eigenpair>? eigenvalues,
        params IReadOnlyList<ResultTable> tables) => new(new
        {
            Loss = loss,
            Samples = samples,
            Parameters = parameters,
            DirectionNorms = norms,
            Eigenvalues = eigenvalues?.Select(e => new { e.Value, e.Residual }),
            Positions = positions,
            Losses = losses,
        })
        { Blocks = tables };
}
