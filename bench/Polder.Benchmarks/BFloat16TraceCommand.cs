using System.Globalization;
using Polder.Machine;
using Polder.Methods;
using Polder.Optimization;
using Polder.Probes;
using Polder.Statistics;
using Polder.Vision.Classifiers;
using Polder.Vision.Data;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Benchmarks;

/// <summary>
/// The curvature that NSO's pairs show for free, from bf16 gradients against float32 ones: the same weights, which do not move, the same batch, in
/// training mode, and draw by draw the same noise.
/// </summary>
internal static class BFloat16TraceCommand
{
    public static void Run(IReadOnlyList<string> arguments)
    {
        var options = new StudyOptions(arguments, "--weights", "--data", "--samples", "--draws", "--sigmas", "--threads");
        set_num_threads(options.Count("--threads", get_num_threads()));
        int samples = options.Count("--samples", 64, 16), draws = options.Count("--draws", 30, 2);
        string weights = options.Path("--weights") ?? throw new ArgumentException("--weights: found nothing, allowed: a checkpoint of a CIFAR ResNet-20");
        string data = options.Path("--data") ?? throw new ArgumentException("--data: found nothing, allowed: a folder of CIFAR-10");
        (TrainedClassifier classifier, ImageSet images) = MeasuredMatrix.ResNet20(weights, data, samples);
        using TrainedClassifier owner = classifier;
        using Batch batch = classifier.LoaderOf(images, samples).Epoch(0).Select(b => b.Take()).First();
        Console.WriteLine($"\n### The free trace in bf16, ResNet-20 ({Path.GetFileName(weights)}), {samples} training images of CIFAR-10, {draws} draws\n");
        Console.WriteLine("| sigma | from | float32 | bf16 | bf16 - float32, paired | share of the trace | share of float32's error of one step |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach (double sigma in options.Text("--sigmas", "0.001,0.005,0.01").Split(',').Select(text => double.Parse(text, CultureInfo.InvariantCulture)))
        {
            CurvatureSample[] single = Draw(classifier, batch, default, sigma, draws);
            CurvatureSample[] half = Draw(classifier, batch, InputForm.Of(Precision.BF16), sigma, draws);
            Show(sigma, "gradients", [.. single.Select(s => s.Trace)], [.. half.Select(s => s.Trace)]);
            Show(sigma, "losses", [.. single.Select(s => s.LossTrace ?? double.NaN)], [.. half.Select(s => s.LossTrace ?? double.NaN)]);
            Show(sigma, "|H|_F^2", [.. single.Select(s => s.FrobeniusSquared ?? double.NaN)], [.. half.Select(s => s.FrobeniusSquared ?? double.NaN)]);
        }
    }

    private static CurvatureSample[] Draw(TrainedClassifier classifier, Batch batch, InputForm form, double sigma, int draws)
    {
        using SGD sgd = optim.SGD(classifier.Network.parameters(), 0);
        // A little weight on f(W): the losses then show the trace, too.
        using var optimizer = new FlatMinimaOptimizer(sgd, new NoiseStability { Sigma = sigma, CleanWeight = 0.01 }, classifier.Network)
        { BatchNorm = Objectives.BatchNormPolicy.Frozen };
        using var scope = NewDisposeScope();
        Tensor input = form.Of(batch.Images);
        classifier.Network.train();
        return [.. Enumerable.Range(0, draws).Select(_ =>
            optimizer.Step(() => nn.functional.cross_entropy(classifier.Network.call(input), batch.Labels)).Curvature!)];
    }

    private static void Show(double sigma, string from, double[] single, double[] half)
    {
        PairedDifference difference = PairedDifference.Of(half, single);
        Summary spread = Summary.Of(single);
        Console.WriteLine(FormattableString.Invariant(
            $"| {sigma} | {from} | {spread.Mean:G4} +- {spread.StandardDeviation / Math.Sqrt(single.Length):G2} | {half.Average():G4} ")
            + FormattableString.Invariant($"| {difference.Mean:G3} +- {difference.StandardError:G2} | {difference.Mean / spread.Mean:P1} ")
            + FormattableString.Invariant($"| {difference.Mean / spread.StandardDeviation:F2} |"));
    }
}
