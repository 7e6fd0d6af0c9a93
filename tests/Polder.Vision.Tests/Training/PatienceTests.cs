using Polder.Vision.Training;

namespace Polder.Vision.Tests.Training;

public class PatienceTests
{
    // Accuracy rises to the end; the loss is lowest in the second epoch: an overconfident network.
    private static readonly (double Accuracy, double Loss)[] Overconfident = [(0.5, 1.0), (0.6, 0.8), (0.6, 0.9), (0.7, 1.1), (0.7, 1.2), (0.8, 1.5)];

    [Theory]
    [InlineData(PatienceOn.Loss, 1, 3)]
    [InlineData(PatienceOn.Loss, 3, 5)]
    [InlineData(PatienceOn.Accuracy, 1, 3)] // the third epoch is as accurate, and its loss is higher
    [InlineData(PatienceOn.Accuracy, 2, 6)]
    public void A_training_ends_after_so_many_epochs_without_a_better_one(PatienceOn on, int patience, int ends)
    {
        var options = new TrainingOptions { Patience = patience, PatienceOn = on };
        var run = new TrainingRun(Overconfident.Length, 1);
        foreach ((double accuracy, double loss) in Overconfident)
        {
            if (run.IsStalled(options, headEpochs: 0))
                break;
            run.EndEpoch(new EvaluationResult(accuracy, loss, 10), 0.1, 1, null, isAverage: false);
        }
        Assert.Equal(ends, run.Epochs.Count);
        // What is kept goes by accuracy, whatever ended the training.
        Assert.Equal(run.Epochs.MaxBy(e => (e.ValidationAccuracy, -e.ValidationLoss))!.Epoch, run.Epochs.Last(e => e.IsBest).Epoch);
    }

    [Fact]
    public void Epochs_of_the_head_alone_do_not_count()
    {
        var run = new TrainingRun(10, 1);
        foreach (double loss in (double[])[1, 2, 3])
            run.EndEpoch(new EvaluationResult(0.5, loss, 10), 0.1, 1, null, isAverage: false);
        var options = new TrainingOptions { Patience = 2, PatienceOn = PatienceOn.Loss };
        Assert.True(run.IsStalled(options, headEpochs: 1));
        Assert.False(run.IsStalled(options, headEpochs: 2));
    }
}
