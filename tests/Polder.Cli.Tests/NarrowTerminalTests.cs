using Polder.Cli.Measuring;
using Polder.Cli.Training;
using Polder.Experiments.Reports;

namespace Polder.Cli.Tests;

/// <summary>What people read on a narrow terminal: every number whole, every method named.</summary>
public class NarrowTerminalTests
{
    private static readonly Dictionary<string, Func<Result>> Results = new()
    {
        ["compare"] = () => ComparisonReport.Of(new("photos", SampleResults.Comparison, 20, [], []), "sgd", "runs/compare-1"),
        ["hessian"] = () => SampleResults.Hessian.ToResult("photos", 1000, 0.012345),
        ["evaluate"] = () => SampleResults.Evaluation(classes: 3),
        ["finetune"] = () => FinetuneCommand.ResultOf(SampleResults.Method, SampleResults.Training, SampleResults.Metrics(3), duplicates: 1, "run"),
        ["predict"] = () => PredictCommand.ResultOf("best.safetensors", SampleResults.Predictions, showsTable: true),
    };

    public static TheoryData<string, int> Widths =>
        [.. Results.Keys.SelectMany(name => new[] { 20, 24, 32, 40, 44, 48, 52, 56, 64, 80 }.Select(width => (name, width)))];

    [Theory]
    [MemberData(nameof(Widths))]
    public void Every_number_and_name_is_whole(string name, int width)
    {
        Result result = Results[name]();
        Outcome outcome = Outcome.Of([new ProbeCommand((context, _) => context.Finish(result))], width, default, "probe");
        Assert.Equal(0, outcome.ExitCode);
        HashSet<string> seen = [.. outcome.Output.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries)];
        Assert.DoesNotContain("\u2026", outcome.Output, StringComparison.Ordinal);
        ResultPlace form = width >= result.WideFrom ? ResultPlace.Wide : ResultPlace.Narrow;
        foreach (ResultTable table in result.Blocks.OfType<ResultTable>().Where(t => t.In.HasFlag(form)))
            foreach (var (index, _) in table.ColumnsIn(form))
                Assert.All(table.Rows.SelectMany(row => row[index].Text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                    .Where(word => word.Length <= width - 2), word => Assert.Contains(word, seen));
    }

    [Fact]
    public void A_table_that_has_no_room_is_a_line_a_value()
    {
        Outcome outcome = Outcome.Of([new ProbeCommand((context, _) => context.Finish(Results["compare"]()))], 40, default, "probe");
        Assert.Contains("\nmethod  nso+every=2\ntest    55.5 +- 3.7\nto base +2.3\n95 %    +0.8 to +3.9\np       0.013\nHolm    0.040\n",
            outcome.Output.ReplaceLineEndings("\n"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(4.6e26, "F3", "4.6E+26")]
    [InlineData(-4.6e26, "F4", "-4.6E+26")]
    [InlineData(16.66667, "F3", "16.667")]
    [InlineData(123456789, "F0", "123456789")]
    [InlineData(double.PositiveInfinity, "F3", "Infinity")]
    [InlineData(double.NaN, "F3", "NaN")]
    public void A_number_has_a_readable_form(double value, string format, string text)
    {
        Assert.Equal(text, ResultCell.Of(value, format).Text);
        Assert.StartsWith($"{text} +- ", ResultCell.Of(value, 1, format, "G2").Text);
    }
}
