using Polder.Cli.Training;
using Polder.Experiments.Reports;
using Polder.Vision.Recipes;
using Polder.Vision.Training;

namespace Polder.Cli.Tests;

public class AverageNoteTests
{
    [Theory]
    [InlineData(2, 3, true, "the best epoch, 2, lies before the average, which begins with epoch 3: the result is plain weights, no average")]
    [InlineData(2, 9, true, "the training ended before there was an average: the result is plain weights, no average")]
    [InlineData(3, 3, true, null)]
    [InlineData(2, 9, false, null)]
    public void A_result_of_plain_weights_is_said_where_an_average_was_asked_for(int best, int average, bool asked, string? note)
    {
        EpochReport[] epochs = [.. Enumerable.Range(1, 4).Select(e => new EpochReport(e, 1, 1, 0.5, 0.1, 1, e <= best) { IsAverage = e >= average })];
        var result = new TrainingResult(epochs[best - 1], epochs, 8, 8, 0.1);
        Result shown = FinetuneCommand.ResultOf(MethodChoice.Create("base"), result, SampleResults.Metrics(3), 0, "run", averages: asked);
        Assert.Equal(note is null ? [] : [note], shown.Blocks.OfType<ResultNote>().Where(n => n.IsWarning).Select(n => n.Text));
    }
}
