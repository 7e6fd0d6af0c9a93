using System.Text.Json.Nodes;
using static System.FormattableString;

namespace Polder.Experiments.Pages;

/// <summary>The page of <c>polder converge</c>: measured exponents and constants beside the proved ones, and the curves that they are of.</summary>
internal static class ConvergencePage
{
    private sealed record Fit(double Exponent, double Low, double High);

    private sealed record Slope(string Part, string Quantity, Fit Fit, double Theory);

    private sealed record Constant(string Name, double Value, double? Theory, int? Steps = null, double? Low = null, double? High = null);

    private sealed record Mean(double Value);

    private sealed record Rate(string Batches, int Pairs, int Steps, Mean Gradient, double Bound);

    private sealed record Noise(string Function, double Sigma, Mean OnePoint, Mean TwoPoint);

    private sealed record Form(Rate?[] Rates, Noise?[] Noise, Slope?[] Slopes, Constant?[] Constants);

    /// <summary>Makes the page.</summary>
    public static Page Of(JsonObject result, string path)
    {
        Form found = ResultFile.Form<Form>(result, path);
        Rate[] rates = ResultFile.Whole(found.Rates, "rates", path);
        Slope[] slopes = ResultFile.Whole(found.Slopes, "slopes", path);
        Constant[] constants = ResultFile.Whole(found.Constants, "constants", path);
        Noise[] noise = ResultFile.Whole(found.Noise, "noise", path);
        PageSeries bound = new("bound, k = 1", rates.Where(r => r.Pairs == 1).Select(r => (double)r.Steps), rates.Where(r => r.Pairs == 1).Select(r => r.Bound))
        { IsReference = true };
        return TheoryPage.Of(result, path, "Convergence of NSO",
            $"{Words.Of(slopes.Length, "exponent")} and {Words.Of(constants.Length, "constant")}, measured beside what is proved.",
            new PageSection("Exponents", new PageTable("What was fitted, with 95 % intervals, beside the exponent of the theory.", ResultTable.Of(
                "slopes", ["part", "quantity", "measured", "interval", "in theory"], slopes, s =>
                [
                    s.Part, s.Quantity, new(Invariant($"{s.Fit.Exponent:F3}"), s.Fit.Exponent), new(Invariant($"{s.Fit.Low:F3} to {s.Fit.High:F3}"), s.Fit.Low),
                    ResultCell.Of(s.Theory, "0.##"),
                ]))),
            new PageSection("Constants", new PageTable("Measured beside what is proved.", ResultTable.Of(
                "constants", ["constant", "steps", "measured", "interval", "in theory"], constants, c =>
                [
                    c.Name, c.Steps is { } steps ? steps : ResultCell.None, ResultCell.Of(c.Value, "G4"),
                    c is { Low: { } low, High: { } high } ? new(Invariant($"{low:G4} to {high:G4}"), low) : ResultCell.None, ResultCell.Of(c.Theory, "G4"),
                ]))),
            new PageSection("Curves", new PageColumns(
                new PageChart("Rates", "The mean squared gradient falls with the steps; more pairs help where each has a batch of its own.",
                    new PageAxis("steps T") { IsLogarithmic = true }, new PageAxis("mean |grad F|²") { IsLogarithmic = true },
                    [.. TheoryPage.Lines(rates.GroupBy(r => $"k = {r.Pairs}, {r.Batches}"), r => r.Steps, r => r.Gradient.Value), bound]),
                new PageChart("Noise of two-point gradients over C² sigma²", "Two points are quiet where the function is smooth, and not at a kink.",
                    new PageAxis("sigma") { IsLogarithmic = true }, new PageAxis("variance") { IsLogarithmic = true },
                    TheoryPage.Lines(noise.Where(n => n.TwoPoint.Value > 0).GroupBy(n => n.Function), n => n.Sigma, n => n.TwoPoint.Value)))));
    }
}
