using System.Globalization;
using System.Text;
using MathNet.Numerics.LinearAlgebra;
using Polder.Experiments.Reports;

namespace Polder.Benchmarks;

/// <summary>
/// What a step costs on N ranks: step + m (point + row x rows / parts) + the reduction, m the pieces of the busiest rank. A reduction of n bytes is
/// 2 latency ceil(log2 N) + 2 (N - 1) / N n / bandwidth: that of Rabenseifner's algorithm, which large messages take, with all links as fast as the one that
/// was measured.
/// </summary>
/// <param name="PerStep">Seconds of a step beside its points.</param>
/// <param name="PerPoint">Seconds of a point beside its rows.</param>
/// <param name="PerRow">Seconds of a row of a point.</param>
/// <param name="Latency">Seconds of a message of no length.</param>
/// <param name="Bandwidth">Bytes a second between two ranks.</param>
/// <param name="Bytes">The bytes of a gradient.</param>
internal sealed record RankCost(double PerStep, double PerPoint, double PerRow, double Latency, double Bandwidth, double Bytes)
{
    private static readonly int[] Sizes = [1, 2, 8, 64, 1000];
    private static readonly (int Pairs, int Rows)[] Cases = [(1, 32), (4, 32), (32, 32), (1, 256), (1, 1024)];

    /// <summary>Fits the five numbers, the steps' by least squares of the relative errors.</summary>
    public static RankCost Fit(IReadOnlyList<(int Points, int Rows, double Seconds)> steps, IReadOnlyList<(int Bytes, double Seconds)> sums, double bytes)
    {
        double[][] terms = [.. steps.Select(s => (double[])[1 / s.Seconds, s.Points / s.Seconds, s.Points * s.Rows / s.Seconds])];
        double[] x = Solve(terms, [0, 1, 2]);
        // No part of the cost is below zero: one that would be is nothing, and the others are fitted without it.
        if (x[1] < 0)
            x = Solve(terms, [0, 2]);
        if (x[0] < 0)
            x = Solve(terms, [1, 2]);
        // The smallest message is all latency, the largest all bandwidth.
        double latency = sums.MinBy(s => s.Bytes).Seconds / 2;
        (int most, double seconds) = sums.MaxBy(s => s.Bytes);
        return new RankCost(x[0], x[1], x[2], latency, most / (seconds - (2 * latency)), bytes);
    }

    /// <summary>Seconds of a reduction.</summary>
    public double Reduction(int ranks, double bytes) =>
        ranks == 1 ? 0 : (2 * Latency * Math.Ceiling(Math.Log2(ranks))) + (2.0 * (ranks - 1) / ranks * bytes / Bandwidth);

    /// <summary>Seconds of a step.</summary>
    public double Step(int points, int rows, int ranks) => Step(points, rows, ranks, Parts(points, rows, ranks));

    /// <summary>The table of predictions.</summary>
    public string Table()
    {
        var text = new StringBuilder("\n| points x rows |").Append(string.Concat(Sizes.Select(n => $" {n} rank(s) |"))).Append(" splitting the batch |\n|---|");
        text.Append(string.Concat(Sizes.Select(_ => "---|"))).Append("---|\n");
        foreach ((int pairs, int rows) in Cases)
        {
            int points = 2 * pairs;
            double one = Step(points, rows, 1);
            text.Append(CultureInfo.InvariantCulture, $"| {points} x {rows} |");
            foreach (int ranks in Sizes)
                text.Append(CultureInfo.InvariantCulture, $" {1e3 * Step(points, rows, ranks):F0} ms, x {one / Step(points, rows, ranks):F1} |");
            text.Append($" {Verdict(points, rows)} |\n");
        }
        return text.ToString();
    }

    /// <summary>The fitted numbers.</summary>
    public string Describe() => string.Create(CultureInfo.InvariantCulture,
        $"\nfitted: {1e3 * PerStep:F1} ms a step + {1e3 * PerPoint:F1} ms a point + {1e3 * PerRow:F2} ms a row of it; latency {1e6 * Latency:F1} us, "
        + $"{Bandwidth / 1e9:F2} GB/s, {Bytes / 1e6:F1} MB a gradient");

    /// <summary>Draws the speed-up over the number of ranks.</summary>
    public void Plot(string file)
    {
        int[] sizes = [.. Enumerable.Range(0, 11).Select(i => 1 << i)];
        Curve[] curves =
        [
            .. Cases.Select(c => new Curve($"k = {c.Pairs}, batch {c.Rows}", [.. sizes.Select(n => (double)n)],
                [.. sizes.Select(n => Step(2 * c.Pairs, c.Rows, 1) / Step(2 * c.Pairs, c.Rows, n))])),
        ];
        File.WriteAllBytes(file, new CurvePlot("Predicted speed-up of an NSO step of ResNet-18, 64 px", "ranks", "speed-up")
        { LogX = true, Markers = true, LegendBeside = true }.Draw(curves, Path.GetExtension(file)));
    }

    private double Step(int points, int rows, int ranks, int parts) =>
        PerStep + ((((points * parts) + ranks - 1) / ranks) * (PerPoint + (PerRow * rows / parts))) + Reduction(ranks, Bytes);

    private static double[] Solve(double[][] terms, int[] chosen)
    {
        var matrix = Matrix<double>.Build.DenseOfRows(terms.Select(row => chosen.Select(i => row[i])));
        Vector<double> solution = matrix.QR().Solve(Vector<double>.Build.Dense(terms.Length, 1));
        double[] all = new double[3];
        foreach ((int place, int i) in chosen.Index())
            all[i] = solution[place];
        return all;
    }

    // As WorkPlan cuts.
    private static int Parts(int points, int rows, int ranks)
    {
        int best = 1;
        for (int parts = 2; points < ranks && parts <= Math.Min(rows, ranks); parts++)
            if ((long)(((points * parts) + ranks - 1) / ranks) * best < (long)(((points * best) + ranks - 1) / ranks) * parts)
                best = parts;
        return best;
    }

    // Against the best that whole points can do: as many ranks as points.
    private string Verdict(int points, int rows)
    {
        double whole = Step(points, rows, points);
        (int Ranks, double Seconds) best = Enumerable.Range(1, 1000).Where(n => n > points).Select(n => (n, Step(points, rows, n))).MinBy(s => s.Item2);
        double gain = whole / best.Seconds;
        return gain < 1.1 ? "useless" : string.Create(CultureInfo.InvariantCulture, $"best at {best.Ranks} ranks: x {gain:F1} over {points}");
    }
}
