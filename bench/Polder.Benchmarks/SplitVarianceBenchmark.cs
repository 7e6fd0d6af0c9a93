using System.Globalization;
using Polder.Benchmarks.Studies;
using Polder.Vision.Data;
using Polder.Vision.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Benchmarks;

/// <summary>The variance of gradients around the same weights of ResNet-20, on a batch of the embedded digits, and the batch size b*.</summary>
internal static class SplitVarianceBenchmark
{
    private const int Side = 32, BatchSize = 128;

    /// <summary>Trains for a moment, freezes BatchNorm, measures. POLDER_SPLIT_DRAWS and POLDER_SPLIT_STEPS say how long (50 and 80).</summary>
    public static void Run()
    {
        int draws = Setting("POLDER_SPLIT_DRAWS", 50), steps = Setting("POLDER_SPLIT_STEPS", 80);
        ImageSet digits = Digits.Load(Side).Train;
        var loader = new Loader(digits, new LoaderOptions { BatchSize = BatchSize, ImageSize = Side });
        using ImageClassifier model = Architectures.Get("resnet20").Build(digits.Classes.Count, 0);
        double loss = Train(model, loader, steps);
        model.eval();
        using Batch batch = loader.Epoch(1_000_000).Select(b => b.Take()).First(); // a batch lives until the next unless it is taken
        Console.WriteLine();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"### Variance of gradients, ResNet-20 after {steps} steps of SGD (loss {loss:G3}), BatchNorm frozen, {batch.Count} digits, {draws} draws"));
        foreach (double sigma in new[] { 0.001, 0.003, 0.01 })
            Report(sigma, new SplitVarianceStudy { Sigma = sigma, Draws = draws, Groups = 8 }.Measure(
                model.parameters(), batch.Count, rows =>
                {
                    Tensor index = tensor(rows);
                    return nn.functional.cross_entropy(model.call(batch.Images.index_select(0, index)), batch.Labels.index_select(0, index));
                }));
    }

    private static double Train(ImageClassifier model, Loader loader, int steps)
    {
        model.train();
        using SGD sgd = optim.SGD(model.parameters(), 0.05, 0.9, weight_decay: 1e-4);
        double last = double.NaN;
        for (int epoch = 0, step = 0; step < steps; epoch++)
        {
            foreach (var (images, labels) in loader.Epoch(epoch))
            {
                if (step++ == steps)
                    break;
                using var scope = NewDisposeScope();
                sgd.zero_grad();
                Tensor loss = nn.functional.cross_entropy(model.call(images), labels);
                loss.backward();
                sgd.step();
                last = loss.ToDouble();
            }
        }
        return last;
    }

    private static void Report(double sigma, SplitVarianceResult result)
    {
        Measured square = result.HessianSquare, spread = result.RowSpread;
        string head =
            $"sigma {sigma}: |H|_F^2 = {square.Value:G4} ({square.StandardError:G2}), S^2 = {spread.Value:G4} ({spread.StandardError:G2}), "
            + $"b* = {result.BatchThreshold:G3}";
        Console.WriteLine();
        Console.WriteLine(head);
        Console.WriteLine();
        Console.WriteLine("| estimator | passes | variance (standard error) | first order |");
        Console.WriteLine("|---|---|---|---|");
        foreach (EstimatorVariance row in result.Estimators)
            Console.WriteLine(FormattableString.Invariant(
                $"| {row.Estimator} | {row.Passes} | {row.Variance.Value:G4} ({row.Variance.StandardError:G2}) | {row.Predicted:G4} |"));
    }

    private static int Setting(string name, int usual) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : usual;
}
