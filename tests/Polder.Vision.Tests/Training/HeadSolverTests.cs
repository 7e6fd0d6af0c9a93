using Polder.Methods;
using Polder.Settings;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Recipes;
using Polder.Vision.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Training;

/// <summary>The fitted head is the minimum of a convex problem, which is known by other means, and a training goes on from it.</summary>
[Collection(typeof(AloneWithRandomNumbers))]
public sealed class HeadSolverTests : IDisposable
{
    private static readonly DataSplits Splits = Digits.Upper().Split(new SplitOptions { PerClass = 4, TestFraction = 0.6 });

    private static readonly TrainingOptions Solved = new() { Epochs = 2, BatchSize = 8, LearningRate = 0.05, HeadSolver = HeadSolver.Lbfgs, HeadL2 = 0.01 };

    private static readonly TrainingOptions Alone = Solved with { Epochs = 0, FreezeBody = true };

    private readonly string _folder = Directory.CreateTempSubdirectory("polder-solver-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(1e-6, false, 0)]
    [InlineData(1e-3, true, 0.1)]
    [InlineData(1, true, 0)]
    [InlineData(1e6, false, 0.2)]
    public void At_the_fitted_head_the_gradient_is_zero(double l2, bool weighted, double smoothing)
    {
        using var scope = NewDisposeScope();
        (Tensor features, Tensor labels) = Problem(60, 5, 3);
        Tensor? weights = weighted ? tensor(new float[] { 0.5f, 1, 2 }) : null;
        using var regression = new LogisticRegression(features, labels, 3, weights, smoothing);
        (double[] point, HeadFit fit) = regression.Minimize(l2);
        Assert.InRange(fit.Gradient, 0, 1e-6);

        // The loss by torch at the point, in the inputs that the penalty is defined for.
        Tensor at = tensor(point, [3, 6]).requires_grad_();
        Tensor loss = nn.functional.cross_entropy(Inputs(features).matmul(at[.., ..5].t()) + at[.., 5], labels, weights?.to(ScalarType.Float64),
            label_smoothing: smoothing) + (l2 / 2 * at[.., ..5].square().sum());
        loss.backward();
        Assert.Equal(loss.ToDouble(), fit.Loss, 1e-12);
        Assert.InRange(at.grad!.abs().max().ToDouble(), 0, 1e-6);
    }

    [Theory]
    [InlineData(0.01)]
    [InlineData(0.5)]
    public void It_is_where_Newton_s_method_ends(double l2)
    {
        using var scope = NewDisposeScope();
        (Tensor features, Tensor labels) = Problem(40, 3, 3);
        using var regression = new LogisticRegression(features, labels, 3);
        (double[] point, _) = regression.Minimize(l2, tolerance: 1e-9);
        double[] expected = Newton(Rows(Inputs(features)), labels.data<long>().ToArray(), 3, l2);
        Assert.Equal(expected, point, (a, b) => Math.Abs(a - b) < 1e-6);

        // In the layer it gives the same logits to the features as they came.
        using Linear head = nn.Linear(3, 3, dtype: ScalarType.Float64);
        regression.CopyInto(head, point);
        Tensor logits = Inputs(features).matmul(tensor(expected, [3, 4])[.., ..3].t()) + tensor(expected, [3, 4])[.., 3];
        Assert.InRange((head.call(features.to(ScalarType.Float64)) - logits).abs().max().ToDouble(), 0, 1e-5);
    }

    [Fact]
    public void An_infinite_penalty_leaves_the_shares_of_the_classes()
    {
        using var scope = NewDisposeScope();
        (Tensor features, _) = Problem(60, 4, 3);
        Tensor labels = tensor(Enumerable.Range(0, 60).Select(i => i < 30 ? 0L : i < 50 ? 1L : 2L).ToArray());
        using var regression = new LogisticRegression(features, labels, 3);
        (double[] point, _) = regression.Minimize(1e6);
        Tensor all = tensor(point, [3, 5]);
        Assert.InRange(all[.., ..4].abs().max().ToDouble(), 0, 1e-5);
        Assert.Equal([0.5, 1 / 3.0, 1 / 6.0], all[.., 4].softmax(0).data<double>().ToArray(), (a, b) => Math.Abs(a - b) < 1e-5);
    }

    [Fact]
    public void Features_that_are_all_alike_are_no_trouble()
    {
        using var scope = NewDisposeScope();
        using var regression = new LogisticRegression(full([6, 2], 0.1f), tensor(new long[] { 0, 0, 0, 1, 1, 1 }), 2);
        Assert.Equal(Math.Log(2), regression.Minimize(1e-6).Fit.Loss, 1e-9);
    }

    [Fact]
    public void Alone_it_leaves_the_body_and_keeps_what_the_fit_was_judged_by()
    {
        using SmallConvNet model = Model(1), before = Model(1);
        TrainingResult result = Train(model, Alone);
        Assert.Equal((0, 0L, 0L), (result.Best.Epoch, result.Steps, result.GradientEvaluations));
        Assert.Same(result.Best, Assert.Single(result.Epochs));
        Assert.Equal(before.BodyParameters.Select(p => p.bytes.ToArray()), model.BodyParameters.Select(p => p.bytes.ToArray()));
        Assert.Equal(before.buffers().Select(b => b.bytes.ToArray()), model.buffers().Select(b => b.bytes.ToArray()));

        var loader = new Loader(Splits.Validation, new LoaderOptions { BatchSize = 8, Normalization = Normalization.ImageNetGray });
        EvaluationResult again = EvaluationResult.Of(model, loader);
        Assert.Equal(result.Best.ValidationAccuracy, again.Accuracy);
        Assert.Equal(result.Best.ValidationLoss, again.Loss, 1e-6);

        // The head in float32 is still at the minimum of the loss over the training images.
        using var scope = NewDisposeScope();
        Linear head = model.Head;
        Batch[] all = [.. new Loader(Splits.Train, new LoaderOptions { BatchSize = 20, Normalization = Normalization.ImageNetGray }).Select(b => b.Take())];
        using Batch images = Assert.Single(all);
        Tensor features = model.Features(images.Images).detach();
        double scale = (features - features.mean([0L])).square().mean().ToDouble();
        Tensor loss = nn.functional.cross_entropy(head.call(features), images.Labels) + (0.01 * scale / 2 * head.weight!.square().sum());
        head.weight.requires_grad_();
        loss.backward();
        Assert.InRange(head.weight.grad!.abs().max().ToDouble(), 0, 1e-5);
    }

    [Fact]
    public void The_penalty_is_the_one_of_the_lowest_validation_loss()
    {
        using SmallConvNet model = Model(1);
        TrainingResult chosen = Train(model, Alone with { HeadL2 = null });
        int place = HeadFitting.Strengths.Index().Single(s => s.Item == chosen.HeadFit!.L2).Index;
        foreach (double other in HeadFitting.Strengths.Where((_, i) => Math.Abs(i - place) == 1))
        {
            using SmallConvNet again = Model(1);
            Assert.True(Train(again, Alone with { HeadL2 = other }).Best.ValidationLoss > chosen.Best.ValidationLoss);
        }
    }

    [Fact]
    public void Of_all_images_it_is_the_fit_to_both_parts_with_the_penalty_and_the_figures_of_the_first()
    {
        using SmallConvNet model = Model(1), first = Model(1), joined = Model(1);
        TrainingResult all = Train(model, Alone with { HeadL2 = null, HeadImages = HeadImages.All }), one = Train(first, Alone with { HeadL2 = null });
        Assert.Equal((one.HeadFit!.L2, one.Best.ValidationLoss, one.Best.TrainLoss), (all.HeadFit!.L2, all.Best.ValidationLoss, all.Best.TrainLoss));
        Assert.Equal((Splits.Train.Count, Splits.Train.Count + Splits.Validation.Count), (one.HeadFit.Images, all.HeadFit.Images));
        Assert.NotEqual(first.Head.weight!.data<float>().ToArray(), model.Head.weight!.data<float>().ToArray());

        // The same images as one training part.
        ImageSet[] parts = [Splits.Train, Splits.Validation];
        var set = new ImageSet([.. parts.SelectMany(p => Enumerable.Range(0, p.Count).Select(i => p.Pixels(i).ToArray()))],
            [.. parts.SelectMany(p => p.Labels)],
            Splits.Train.Classes, Splits.Train.Channels, Splits.Train.Height, Splits.Train.Width);
        new Trainer(Alone with { HeadL2 = one.HeadFit.L2 }, new Plain()).Run(joined, set, Splits.Validation, Normalization.ImageNetGray);
        Assert.Equal(joined.Head.weight!.data<float>().ToArray(), model.Head.weight!.data<float>().ToArray(), (a, b) => Math.Abs(a - b) < 1e-4);
    }

    [Fact]
    public void The_epochs_begin_with_a_weaker_head_and_the_chosen_one_is_kept()
    {
        // A rate that moves no weight: what the last epoch leaves is the head that the first began with.
        TrainingOptions still = Alone with { Epochs = 2, LearningRate = 1e-30, HeadStartL2 = 1, Keep = KeptWeights.Last };
        using SmallConvNet begun = Model(1), weak = Model(1), chosen = Model(1), kept = Model(1);
        TrainingResult last = Train(begun, still), alone = Train(chosen, Alone), start = Train(weak, Alone with { HeadL2 = 1 });
        Assert.Equal((0.01, alone.Best.ValidationLoss), (last.HeadFit!.L2, last.Epochs[0].ValidationLoss));
        Assert.Equal(start.Best.ValidationLoss, last.Epochs[2].ValidationLoss, 1e-6);
        Assert.Equal(Bytes(weak), Bytes(begun));
        Assert.NotEqual(Bytes(chosen), Bytes(begun));

        // Where validation chooses, the kept head comes back unless an epoch is better.
        TrainingResult best = Train(kept, still with { Keep = KeptWeights.Best });
        Assert.Equal(start.Best.IsBetterThan(alone.Best) ? 1 : 0, best.Best.Epoch);
        Assert.Equal(Bytes(best.Best.Epoch == 0 ? chosen : weak), Bytes(kept));

        // A training that is stopped goes on from the weights that it had, and fits nothing again.
        var (_, whole) = Stopped(still, null, 0, out _);
        string file = Path.Combine(_folder, "start.safetensors");
        Assert.ThrowsAny<OperationCanceledException>(() => Stopped(still, file, 1, out _));
        Assert.Equal(whole, Stopped(still, file, 0, out int fits).Weights);
        Assert.Equal(0, fits);
    }

    [Fact]
    public void Where_no_epoch_is_better_it_is_fitted_to_all_images_at_the_end()
    {
        // A rate that moves no weight: no epoch is better than the fitted head.
        TrainingOptions still = Alone with { Epochs = 2, LearningRate = 1e-30, HeadL2 = null, HeadImages = HeadImages.All };
        using SmallConvNet model = Model(1), alone = Model(1);
        TrainingResult found = Train(model, still), expected = Train(alone, still with { Epochs = 0 });
        Assert.Equal((0, expected.HeadFit!.L2, Splits.Train.Count + Splits.Validation.Count), (found.Best.Epoch, found.HeadFit!.L2, found.HeadFit.Images));
        Assert.Equal(Bytes(alone), Bytes(model));

        var (_, weights) = Stopped(still, null, 0, out _);
        string file = Path.Combine(_folder, "again.safetensors");
        foreach (int stop in (int[])[1, 4])
            Assert.ThrowsAny<OperationCanceledException>(() => Stopped(still, file, stop, out _));
        for (int i = 0; i < 2; i++) // the second time all is done
        {
            var (result, again) = Stopped(still, file, 0, out _);
            Assert.Equal(weights, again);
            Assert.Equal(found.HeadFit with { Evaluations = 0 }, result.HeadFit! with { Evaluations = 0 });
        }
    }

    [Fact]
    public void Where_an_epoch_is_better_all_images_are_not_asked_for()
    {
        // Features of random weights are worse than those of a body that is trained for long enough.
        TrainingOptions bad = Solved with { HeadL2 = 1e6, Epochs = 30 };
        using SmallConvNet model = Model(1), other = Model(1);
        TrainingResult all = Train(model, bad with { HeadImages = HeadImages.All }), one = Train(other, bad);
        Assert.InRange(one.Best.Epoch, 1, 30);
        Assert.Equal(one.Epochs.Select(e => e with { Seconds = 0 }), all.Epochs.Select(e => e with { Seconds = 0 }));
        Assert.Equal(Bytes(other), Bytes(model));
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    [InlineData(false, 1)]
    public void A_training_that_goes_on_does_not_fit_again_and_ends_bit_for_bit(bool freeze, int headEpochs)
    {
        TrainingOptions options = Solved with { FreezeBody = freeze, HeadEpochs = headEpochs };
        var (expected, weights) = Stopped(options, null, 0, out int fits);
        Assert.Equal(1, fits);
        string file = Path.Combine(_folder, $"{freeze}{headEpochs}.safetensors");
        Assert.ThrowsAny<OperationCanceledException>(() => Stopped(options, file, 1, out _));
        Assert.ThrowsAny<OperationCanceledException>(() => Stopped(options, file, 4, out _));
        var (found, again) = Stopped(options, file, 0, out fits);
        Assert.Equal(0, fits);
        Assert.Equal(expected.Epochs.Select(e => e with { Seconds = 0 }), found.Epochs.Select(e => e with { Seconds = 0 }));
        Assert.Equal([0, 1, 2], found.Epochs.Select(e => e.Epoch));
        Assert.Equal(weights, again);
    }

    [Fact]
    public void Without_stages_the_head_is_the_same()
    {
        using SmallConvNet model = Model(1);
        Train(model, Alone);
        using var whole = new FrozenLayersTests.Uncut();
        whole.Initialize(1);
        Train(whole, Alone);
        Assert.Equal(model.Head.weight!.data<float>().ToArray(), whole.Head.weight!.data<float>().ToArray(), (a, b) => Math.Abs(a - b) < 1e-4);
    }

    [Fact]
    public void No_tensor_is_left()
    {
        using SmallConvNet model = Model(1);
        Polder.Testing.LiveTensors.AssertSteady(() => Train(model,
            Alone with { HeadL2 = 1, ClassWeights = ClassWeights.Balanced, Sampling = Sampling.Balanced }));
    }

    [Fact]
    public void It_is_refused_where_it_has_no_sense()
    {
        Recipe weights = new() { Start = new() { Weights = "some.safetensors", Architecture = "resnet20" }, Data = new() { Source = "photos" } };
        weights = weights with { Training = Alone };
        weights.Validate();
        Refused("epochs", weights with { Training = Solved with { Epochs = 0 } });
        Refused("epochs", weights with { Training = Alone with { HeadSolver = HeadSolver.None, HeadL2 = null } });
        Refused("head-l2", weights with { Training = Alone with { Epochs = 1, HeadSolver = HeadSolver.None } });
        Refused("head-start-l2", weights with { Training = Solved with { HeadStartL2 = 1, HeadSolver = HeadSolver.None, HeadL2 = null } });
        Refused("head-start-l2", weights with { Training = Alone with { HeadStartL2 = 1 } });
        Refused("head-solver", weights with { Start = weights.Start with { Weights = null } });
        Refused("head-images", weights with { Training = Solved with { HeadImages = HeadImages.All, Keep = KeptWeights.Last } });
        Refused("head-images", weights with { Training = Alone with { HeadImages = HeadImages.All, Epochs = 1, HeadSolver = HeadSolver.None, HeadL2 = null } });
        Refused("average", weights with { Training = Alone with { Averaging = new() } });
        Assert.Throws<ArgumentOutOfRangeException>(() => (Solved with { HeadL2 = 0 }).Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => (Solved with { Epochs = 0 }).Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => (Solved with { HeadStartL2 = -1 }).Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => (Solved with { HeadStartL2 = 1, HeadSolver = HeadSolver.None }).Validate());

        static void Refused(string setting, Recipe recipe) => Assert.Equal(setting, Assert.Throws<SettingException>(recipe.Validate).Setting);
    }

    private static TrainingResult Train(ImageClassifier model, TrainingOptions options) =>
        new Trainer(options, new Plain()).Run(model, Splits.Train, Splits.Validation, Normalization.ImageNetGray);

    private static (TrainingResult Result, byte[][] Weights) Stopped(TrainingOptions options, string? file, int stop, out int fits)
    {
        using var cancel = new CancellationTokenSource();
        using SmallConvNet model = Model(file is null || !File.Exists(file) ? 1 : 2);
        var notes = new List<string>();
        var trainer = new Trainer(options, new NoiseStability { Sigma = 0.02 })
        {
            ResumeFile = file,
            Note = new Relay<string>(notes.Add),
            Progress = new Relay<TrainingProgress>(p =>
            {
                if (p.Step == stop)
                    cancel.Cancel();
            }),
        };
        TrainingResult result = trainer.Run(model, Splits.Train, Splits.Validation, Normalization.ImageNetGray, cancellation: cancel.Token);
        fits = notes.Count(note => note.StartsWith("the head was fitted on 20 training images", StringComparison.Ordinal));
        return (result, Bytes(model));
    }

    private static byte[][] Bytes(ImageClassifier model) =>
        [.. model.parameters().Cast<Tensor>().Concat(model.buffers()).Select(t => t.bytes.ToArray())];

    private static SmallConvNet Model(int seed)
    {
        var model = new SmallConvNet(5);
        model.Initialize(seed);
        return model;
    }

    // Labels that depend on the features by half, so that no hyperplane separates them.
    private static (Tensor Features, Tensor Labels) Problem(int count, int features, int classes)
    {
        using var generator = new Generator(7);
        Tensor x = (randn([count, features], generator: generator) * arange(1, features + 1)) + 3;
        Tensor noise = randn([count, classes], generator: generator), mixed = x[.., ..classes] - 3 + (2 * noise);
        return (x, mixed.argmax(1));
    }

    private static Tensor Inputs(Tensor features)
    {
        Tensor exact = features.to(ScalarType.Float64), centered = exact - exact.mean([0L]);
        return centered / centered.square().mean().sqrt();
    }

    private static double[][] Rows(Tensor inputs) => [.. inputs.data<double>().ToArray().Chunk((int)inputs.shape[1])];

    /// <summary>Newton's method with the full Hessian, written out; a constant shift of the biases, which changes nothing, is held at zero.</summary>
    private static double[] Newton(double[][] x, long[] labels, int classes, double l2)
    {
        int columns = x[0].Length + 1, size = classes * columns;
        double[] point = new double[size];
        for (int round = 0; round < 30; round++)
        {
            double[] gradient = new double[size];
            double[,] hessian = new double[size, size];
            for (int i = 0; i < x.Length; i++)
            {
                double[] row = [.. x[i], 1];
                double[] logits = [.. Enumerable.Range(0, classes).Select(c => Enumerable.Range(0, columns).Sum(j => point[(c * columns) + j] * row[j]))];
                double[] share = [.. logits.Select(l => Math.Exp(l) / logits.Sum(Math.Exp))];
                for (int a = 0; a < size; a++)
                {
                    int c = a / columns;
                    gradient[a] += (share[c] - (labels[i] == c ? 1 : 0)) * row[a % columns] / x.Length;
                    for (int b = 0; b < size; b++)
                        hessian[a, b] += share[c] * ((c == b / columns ? 1 : 0) - share[b / columns]) * row[a % columns] * row[b % columns] / x.Length;
                }
            }
            for (int a = 0; a < size; a++)
            {
                if (a % columns < columns - 1)
                {
                    gradient[a] += l2 * point[a];
                    hessian[a, a] += l2;
                }
                else
                {
                    for (int b = columns - 1; b < size; b += columns)
                        hessian[a, b] += 1;
                }
            }
            double[] step = Solve(hessian, gradient);
            for (int a = 0; a < size; a++)
                point[a] -= step[a];
        }
        return point;
    }

    private static double[] Solve(double[,] matrix, double[] right)
    {
        int size = right.Length;
        double[,] m = (double[,])matrix.Clone();
        double[] y = [.. right];
        for (int k = 0; k < size; k++)
            for (int i = k + 1; i < size; i++)
            {
                double factor = m[i, k] / m[k, k];
                for (int j = k; j < size; j++)
                    m[i, j] -= factor * m[k, j];
                y[i] -= factor * y[k];
            }
        for (int k = size - 1; k >= 0; k--)
            y[k] = (y[k] - Enumerable.Range(k + 1, size - k - 1).Sum(j => m[k, j] * y[j])) / m[k, k];
        return y;
    }
}
