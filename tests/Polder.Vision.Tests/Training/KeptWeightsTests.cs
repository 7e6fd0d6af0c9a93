using Polder.Methods;
using Polder.Settings;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Recipes;
using Polder.Vision.Training;

namespace Polder.Vision.Tests.Training;

public class KeptWeightsTests
{
    private static readonly DataSplits Splits = Digits.Upper().Split(new SplitOptions { PerClass = 4, TestFraction = 0.6 });

    [Fact]
    public void A_training_ends_with_the_weights_that_were_asked_for()
    {
        // Not every training is worse in the end: the first seed whose best epoch is not its last tells the two apart.
        for (long seed = 0; seed < 30; seed++)
        {
            (TrainingResult result, float[] kept, float[] last) = Train(KeptWeights.Best, seed);
            if (result.Best.Epoch == result.Epochs.Count)
                continue;
            Assert.NotEqual(last, kept);
            (TrainingResult other, float[] otherKept, float[] otherLast) = Train(KeptWeights.Last, seed);
            Assert.Equal(last, otherLast);
            Assert.Equal(last, otherKept);
            Assert.Equal(result.Epochs.Count, other.Best.Epoch);
            return;
        }
        Assert.Fail("the best epoch was the last with every seed");
    }

    [Fact]
    public void Ending_early_is_refused_where_the_last_weights_are_kept() =>
        Assert.Equal("patience", Assert.Throws<SettingException>(new Recipe { Training = new() { Keep = KeptWeights.Last, Patience = 2 } }.Validate).Setting);

    private static (TrainingResult Result, float[] Kept, float[] Last) Train(KeptWeights keep, long seed)
    {
        using var model = new SmallConvNet(5);
        model.Initialize(seed);
        float[] last = [];
        var options = new TrainingOptions { Epochs = 6, BatchSize = 8, LearningRate = 0.2, Seed = seed, Keep = keep, Schedule = LearningRateSchedule.Constant };
        var trainer = new Trainer(options, new Plain()) { Epoch = new Relay<EpochReport>(_ => last = Weights(model)) };
        TrainingResult result = trainer.Run(model, Splits.Train, Splits.Validation, Normalization.ImageNetGray);
        return (result, Weights(model), last);
    }

    private static float[] Weights(SmallConvNet model) => [.. model.parameters().SelectMany(p => p.data<float>().ToArray())];
}
