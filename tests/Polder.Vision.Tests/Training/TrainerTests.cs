using Polder.Methods;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Training;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Training;

public sealed class TrainerTests : IDisposable
{
    private static readonly DataSplits Splits = Digits.Upper().Split(new SplitOptions { PerClass = 4, TestFraction = 0.6 });
    private static readonly TrainingOptions Short = new() { Epochs = 3, BatchSize = 8, LearningRate = 0.05 };

    private readonly SmallConvNet _model = new(5);
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-trainer-").FullName;

    public TrainerTests() => _model.Initialize(1);

    public void Dispose()
    {
        _model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Evaluation_is_the_mean_over_images_whatever_the_batch()
    {
        // 7 does not divide the set: a mean of batch means would differ.
        Loader loader = new(Splits.Validation, new LoaderOptions { BatchSize = 7, Normalization = Normalization.ImageNetGray });
        Assert.NotEqual(0, Splits.Validation.Count % 7);
        _model.train();
        EvaluationResult found = EvaluationResult.Of(_model, loader);
        Assert.True(_model.training);

        _model.eval();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Batch all = loader.ForEvaluation(Splits.Validation.Count).Select(b => b.Take()).Single();
        Tensor chances = _model.call(all.Images).softmax(1);
        double loss = 0;
        int right = 0;
        for (int i = 0; i < all.Count; i++)
        {
            float[] row = chances[i].data<float>().ToArray();
            int label = (int)all.Labels[i].item<long>();
            loss -= Math.Log(row[label]) / all.Count;
            right += row[label] == row.Max() ? 1 : 0;
        }
        all.Dispose();
        Assert.Equal(loss, found.Loss, 1e-5);
        Assert.Equal((double)right / Splits.Validation.Count, found.Accuracy);
        Assert.Equal(Splits.Validation.Count, found.Count);
    }

    [Fact]
    public void The_model_ends_with_the_weights_of_the_best_epoch()
    {
        var reports = new List<EpochReport>();
        TrainingResult result = new Trainer(Short with { Epochs = 6 }, new NoiseStability { Sigma = 0.01 }) { Epoch = new Collect<EpochReport>(reports) }
            .Run(_model, Splits.Train, Splits.Validation, Normalization.ImageNetGray);

        Assert.Equal(reports, result.Epochs);
        Assert.Equal(reports.OrderByDescending(e => e.ValidationAccuracy).ThenBy(e => e.ValidationLoss).First(), result.Best);
        EvaluationResult again = EvaluationResult.Of(_model,
            new Loader(Splits.Validation, new LoaderOptions { BatchSize = 8, Normalization = Normalization.ImageNetGray }));
        Assert.Equal((result.Best.ValidationAccuracy, result.Best.ValidationLoss), (again.Accuracy, again.Loss));
        // 20 images in batches of 8: three steps an epoch, two gradients a step.
        Assert.Equal((18, 36), (result.Steps, result.GradientEvaluations));
        Assert.False(_model.training);
    }

    // 20 images in batches of 8, the last of 4: every batch is cut, and a step is one pass.
    [Fact]
    public void A_split_batch_costs_one_gradient_a_step()
    {
        TrainingResult result = new Trainer(Short with { Epochs = 2 }, new NoiseStability { Sigma = 0.01, Passes = Passes.Split })
            .Run(_model, Splits.Train, Splits.Validation, Normalization.ImageNetGray);
        Assert.Equal((6, 6), (result.Steps, result.GradientEvaluations));
    }

    [Fact]
    public void An_epoch_reports_what_its_pairs_showed_of_the_curvature()
    {
        TrainingResult result = new Trainer(Short with { Epochs = 2 }, new NoiseStability { Sigma = 0.01, CleanWeight = 0.2 })
            .Run(_model, Splits.Train, Splits.Validation, Normalization.ImageNetGray);
        foreach (EpochReport epoch in result.Epochs)
        {
            EpochCurvature curvature = epoch.Curvature!;
            Assert.Equal(3, curvature.Steps);
            Assert.Equal(_model.named_parameters().Select(p => p.name), curvature.Parameters.Select(p => p.Name));
            Assert.Equal(curvature.Trace, curvature.Parameters.Sum(p => p.Trace), 1e-6 * Math.Abs(curvature.Trace));
            Assert.True(curvature.TraceStandardError > 0);
            Assert.True(curvature.FrobeniusNorm > 0);
            Assert.NotNull(curvature.LossTrace);
        }
        Assert.NotEqual(result.Epochs[0].Curvature, result.Epochs[1].Curvature);
        Assert.Null(new Trainer(Short with { Epochs = 1 }, new Plain())
            .Run(_model, Splits.Train, Splits.Validation, Normalization.ImageNetGray).Epochs[0].Curvature);
    }

    [Fact]
    public void A_linear_probe_leaves_the_body_bit_for_bit()
    {
        float[][] before = [.. Body().Select(Values)];
        float[] head = Values(_model.Head.weight!);
        new Trainer(Short with { FreezeBody = true }, new Plain()).Run(_model, Splits.Train, Splits.Validation, Normalization.ImageNetGray);
        Assert.Equal(before, Body().Select(Values));
        Assert.NotEqual(head, Values(_model.Head.weight!));

        // BatchNorm's running statistics belong to the body.
        IEnumerable<Tensor> Body() => _model.BodyParameters.Cast<Tensor>().Concat(_model.buffers().Where(b => b.is_floating_point()));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)] // an average's statistics are taken anew, but not those of a frozen layer
    public void Named_parameters_and_their_normalization_stay_bit_for_bit_and_the_others_are_trained(bool averaged)
    {
        AveragingOptions? averaging = averaged ? new AveragingOptions() : null;
        static bool IsFrozen(string name) => name.StartsWith("conv1.", StringComparison.Ordinal) || name.StartsWith("bn1.", StringComparison.Ordinal);
        Dictionary<string, float[]> before = State();
        new Trainer(Short with { Freeze = ["conv1.*", "bn1.*"], HeadEpochs = 1, Averaging = averaging }, new NoiseStability { Sigma = 0.01 })
            .Run(_model, Splits.Train, Splits.Validation, Normalization.ImageNetGray);
        Dictionary<string, float[]> after = State();
        Assert.Equal(before.Keys.Where(IsFrozen).Order(), before.Keys.Where(name => before[name].SequenceEqual(after[name])).Order());
        Assert.Contains("bn1.running_mean", before.Keys);
        Assert.Equal(["bn1.bias", "bn1.weight", "conv1.weight"], _model.named_parameters().Where(p => !p.parameter.requires_grad).Select(p => p.name).Order());

        Assert.Contains("conv9.* matches no parameter", Assert.Throws<ArgumentException>(() => _model.Freeze("conv1.*", "conv9.*")).Message);
        Assert.Contains("leaves no parameter to train", Assert.Throws<ArgumentException>(() => _model.Freeze("*")).Message);
        Assert.Throws<ArgumentException>(() => new Trainer(Short with { Freeze = ["fc.*"], HeadEpochs = 1 }, new Plain())
            .Run(_model, Splits.Train, Splits.Validation, Normalization.ImageNetGray));

        Dictionary<string, float[]> State() => _model.state_dict().Where(e => e.Value.is_floating_point()).ToDictionary(e => e.Key, e => Values(e.Value));
    }

    [Fact]
    public void The_first_epochs_train_the_head_alone_and_then_all_is_trained()
    {
        TrainingOptions options = Short with { Epochs = 4, HeadEpochs = 2, Schedule = LearningRateSchedule.Constant };
        float[][] start = [.. Body().Select(Values)], heads = [Values(_model.Head.weight!)];
        var changed = new List<bool>();
        TrainingResult result = new Trainer(options, new NoiseStability { Sigma = 0.01 })
        {
            Epoch = new Call<EpochReport>(_ =>
            {
                changed.Add(!start.Zip(Body().Select(Values)).All(pair => pair.First.SequenceEqual(pair.Second)));
                heads = [.. heads, Values(_model.Head.weight!)];
            }),
        }.Run(_model, Splits.Train, Splits.Validation, Normalization.ImageNetGray);
        Assert.Equal([false, false, true, true], changed);
        Assert.Equal(5, heads.Select(h => string.Join(' ', h)).Distinct().Count());
        Assert.All(_model.parameters(), p => Assert.True(p.requires_grad));

        // Until then it is the linear probe, bit for bit.
        using var other = new SmallConvNet(5);
        other.Initialize(1);
        TrainingResult probe = new Trainer(options with { HeadEpochs = 0, FreezeBody = true, Epochs = 2 }, new NoiseStability { Sigma = 0.01 })
            .Run(other, Splits.Train, Splits.Validation, Normalization.ImageNetGray);
        Assert.Equal(probe.Epochs.Select(e => (e.TrainLoss, e.ValidationLoss)), result.Epochs.Take(2).Select(e => (e.TrainLoss, e.ValidationLoss)));

        IEnumerable<Tensor> Body() => _model.BodyParameters.Cast<Tensor>().Concat(_model.buffers().Where(b => b.is_floating_point()));
    }

    [Theory] // Half as many epochs' steps, and twice as many: a quarter of the steps, and half of them, are the head's.
    [InlineData(2, 4, 1, new[] { true, true })]
    [InlineData(4, 2, 1, new[] { false, false, true, true })]
    public void A_number_of_steps_stretches_the_epochs_of_the_head(int passes, int epochs, int headEpochs, bool[] expected)
    {
        int perEpoch = (Splits.Train.Count + Short.BatchSize - 1) / Short.BatchSize;
        TrainingOptions options = Short with { Epochs = epochs, HeadEpochs = headEpochs, Steps = passes * perEpoch, Schedule = LearningRateSchedule.Constant };
        float[][] start = [.. _model.BodyParameters.Select(p => Values(p))];
        var moved = new List<bool>();
        new Trainer(options, new Plain())
        {
            Epoch = new Call<EpochReport>(_ => moved.Add(!start.Zip(_model.BodyParameters).All(pair => pair.First.SequenceEqual(Values(pair.Second))))),
        }.Run(_model, Splits.Train, Splits.Validation, Normalization.ImageNetGray);
        Assert.Equal(expected, moved);
    }

    // One step, without momentum: the same gradients times other rates.
    [Fact]
    public void Layers_below_the_head_learn_at_their_share_of_the_rate()
    {
        TrainingOptions options = Short with { Epochs = 1, BatchSize = 20, Momentum = 0, WeightDecay = 0 };
        float[][] start = [.. _model.parameters().Select(Values)];
        double[][] Moves(TrainingOptions with)
        {
            using var model = new SmallConvNet(5);
            model.Initialize(1);
            TrainingResult result = new Trainer(with, new NoiseStability { Sigma = 0.01 })
                .Run(model, Splits.Train, Splits.Validation, Normalization.ImageNetGray);
            Assert.Equal(0.05, result.Epochs[0].LearningRate); // the head's
            return [.. model.parameters().Select((p, i) => Values(p).Zip(start[i], (a, b) => (double)a - b).ToArray())];
        }
        double[][] full = Moves(options), decayed = Moves(options with { LayerDecay = 0.5 });
        double[] shares = [0.125, 0.125, 0.125, 0.25, 0.25, 0.25, 0.5, 0.5, 0.5, 1, 1];
        for (int i = 0; i < shares.Length; i++)
        {
            Assert.True(full[i].Max(Math.Abs) > 1e-6);
            // Differences of float32 weights of size one at most.
            foreach ((double expected, double found) in full[i].Zip(decayed[i]))
                Assert.Equal(shares[i] * expected, found, 3e-7);
        }
    }

    [Fact]
    public void Noise_of_size_zero_is_the_base_optimizer_bit_for_bit()
    {
        using var other = new SmallConvNet(5);
        other.Initialize(1);
        new Trainer(Short, new Plain()).Run(_model, Splits.Train, Splits.Validation, Normalization.ImageNetGray);
        new Trainer(Short, new NoiseStability { Sigma = 0 }).Run(other, Splits.Train, Splits.Validation, Normalization.ImageNetGray);
        Assert.Equal(_model.parameters().Select(Values), other.parameters().Select(Values));
    }

    [Fact]
    public void Divergence_is_told_and_leaves_finite_weights()
    {
        var e = Assert.Throws<TrainingDivergedException>(() => new Trainer(Short with { LearningRate = 1e30 }, new Plain())
            .Run(_model, Splits.Train, Splits.Validation, Normalization.ImageNetGray));
        Assert.StartsWith("epoch 1", e.Message);
        Assert.All(_model.parameters(), p => Assert.All(Values(p), v => Assert.True(float.IsFinite(v))));
    }

    [Fact]
    public void A_stopped_training_throws_and_keeps_the_best()
    {
        using var stop = new CancellationTokenSource();
        var reports = new List<EpochReport>();
        var trainer = new Trainer(Short with { Epochs = 1000 }, new Plain())
        {
            Epoch = new Collect<EpochReport>(reports),
            Progress = new Call<TrainingProgress>(p =>
            {
                if (p.Step == 7)
                    stop.Cancel();
            }),
        };
        Assert.ThrowsAny<OperationCanceledException>(() =>
            trainer.Run(_model, Splits.Train, Splits.Validation, Normalization.ImageNetGray, cancellation: stop.Token));
        Assert.Equal(2, reports.Count);
        EvaluationResult again = EvaluationResult.Of(_model,
            new Loader(Splits.Validation, new LoaderOptions { BatchSize = 8, Normalization = Normalization.ImageNetGray }));
        Assert.Equal(reports.Last(r => r.IsBest).ValidationLoss, again.Loss);
    }

    [Fact]
    public void The_cosine_starts_at_the_learning_rate_and_ends_near_zero()
    {
        Assert.Equal(0.05, Short.LearningRateAt(0, 100));
        Assert.Equal(0.025, Short.LearningRateAt(50, 100), 1e-15);
        Assert.Equal(0.025 * (1 - Math.Cos(Math.PI / 100)), Short.LearningRateAt(99, 100), 1e-15);
        Assert.Equal(0.05, (Short with { Schedule = LearningRateSchedule.Constant }).LearningRateAt(99, 100));
    }

    [Fact]
    public void Schedules_rise_and_fall_as_they_say()
    {
        TrainingOptions step = Short with { LearningRate = 1, Schedule = LearningRateSchedule.Step };
        Assert.Equal([1, 1, 0.1, 0.1, 0.01, 0.01], new long[] { 0, 9, 10, 19, 20, 29 }.Select(s => Math.Round(step.LearningRateAt(s, 30), 12)));
        TrainingOptions cycle = step with { Schedule = LearningRateSchedule.OneCycle };
        Assert.Equal(1 / 25.0, cycle.LearningRateAt(0, 1000), 1e-12);
        Assert.Equal(1, cycle.LearningRateAt(300, 1000), 1e-12);
        Assert.Equal(0.5, cycle.LearningRateAt(650, 1000), 1e-12);
        Assert.InRange(cycle.LearningRateAt(999, 1000), 0, 1e-5);
        // Four steps of twenty rise to the rate that the fifth has; the rest is the schedule's.
        TrainingOptions warm = Short with { LearningRate = 1, WarmUp = 0.2 };
        Assert.Equal([0.2, 0.4, 0.6, 0.8, 1], Enumerable.Range(0, 5).Select(s => Math.Round(warm.LearningRateAt(s, 20), 12)));
        Assert.Equal(0.5, warm.LearningRateAt(12, 20), 1e-12);
        Assert.Throws<ArgumentOutOfRangeException>(() => (Short with { WarmUp = 1 }).Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => (Short with { Patience = 0 }).Validate());
    }

    [Fact]
    public void A_training_ends_when_its_patience_is_over()
    {
        // So high a rate that the best comes early.
        TrainingResult result = new Trainer(Short with { Epochs = 12, LearningRate = 0.3, Patience = 2 }, new Plain()).Run(
            _model, Splits.Train, Splits.Validation, Normalization.ImageNetGray);
        int last = result.Epochs.ToList().FindLastIndex(e => e.IsBest);
        Assert.Equal(Math.Min(12, last + 3), result.Epochs.Count);
        Assert.True(result.Epochs.Count < 12, "the training was to end early");
    }

    [Fact]
    public void Options_out_of_range_are_named()
    {
        foreach ((TrainingOptions options, string name) in new[]
        {
            (Short with { LearningRate = 0 }, "LearningRate"), (Short with { LearningRate = double.NaN }, "LearningRate"),
            (Short with { Momentum = 1 }, "Momentum"),
            (Short with { WeightDecay = -1 }, "WeightDecay"), (Short with { Epochs = 0 }, "Epochs"), (Short with { BatchSize = 0 }, "BatchSize"),
        })
        {
            Assert.Equal(name, Assert.Throws<ArgumentOutOfRangeException>(options.Validate).ParamName);
        }
    }

    private static float[] Values(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.detach().contiguous().data<float>().ToArray();
    }

    private sealed class Collect<T>(List<T> reports) : IProgress<T>
    {
        public void Report(T value) => reports.Add(value);
    }

    private sealed class Call<T>(Action<T> call) : IProgress<T>
    {
        public void Report(T value) => call(value);
    }
}
