using Polder.Benchmarks.Studies;
using Polder.Curvature;
using Polder.Vision.Classifiers;
using Polder.Vision.Data;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Benchmarks;

/// <summary>The trace that NSO's pairs show for free against exact products, on a trained ResNet-20 over a grid of sigma.</summary>
internal static class FreeTraceCommand
{
    private static readonly double[] Sigmas = [0.0003, 0.001, 0.002, 0.005, 0.01, 0.02];

    public static void Run(IReadOnlyList<string> arguments)
    {
        var options = new StudyOptions(arguments, "--weights", "--data", "--samples", "--draws", "--seed");
        int samples = options.Count("--samples", 128, 16), draws = options.Count("--draws", 100, 2), seed = options.Count("--seed", 0, 0);
        if (samples % 16 != 0)
            throw new ArgumentException($"--samples: found {samples}, allowed: a multiple of 16");
        string weights = options.Path("--weights") ?? throw new ArgumentException("--weights: found nothing, allowed: a checkpoint of a CIFAR ResNet-20");
        string data = options.Path("--data") ?? throw new ArgumentException("--data: found nothing, allowed: a folder of CIFAR-10");
        (TrainedClassifier classifier, ImageSet images) = MeasuredMatrix.ResNet20(weights, data, samples);
        using TrainedClassifier owner = classifier;
        using Batch batch = classifier.LoaderOf(images, samples).Epoch(0).Select(b => b.Take()).First();
        Parameter[] parameters = [.. classifier.Network.parameters()];
        Tensor Loss() => nn.functional.cross_entropy(classifier.Network.call(batch.Images).to(ScalarType.Float64), batch.Labels);

        TraceEstimate exact = Hessian.Of(parameters, Loss).Trace(new TraceEstimationOptions { RelativeError = 0.01, MaxProducts = 3000, Seed = seed });
        FreeTraceResult result = new FreeTraceStudy { Sigmas = Sigmas, Draws = draws, Seed = seed }.Measure(parameters, Loss);
        Console.WriteLine($"\n### The free trace, ResNet-20 ({Path.GetFileName(weights)}), "
            + $"the first {samples} training images of CIFAR-10, one batch, BatchNorm frozen, {draws} draws, seed {seed}\n");
        Console.WriteLine($"Trace by products {exact.Value:G5} +- {exact.StandardError:G2} ({exact.Estimator}, {exact.Products} products); "
            + $"U^T H U over the draws {Shown(result.Quadratic)}.\n");
        Console.WriteLine("| sigma | T_g | T_g - U^T H U | share of the trace | T_l - U^T H U |\n|---|---|---|---|---|");
        foreach (FreeTracePoint point in result.Points)
            Console.WriteLine($"| {point.Sigma} | {Shown(point.Trace)} | {Shown(point.Excess)} "
                + $"| {point.Excess.Value / exact.Value:P1} | {Shown(point.LossExcess)} |");
    }

    private static string Shown(Measured value) => $"{value.Value:G4} +- {value.StandardError:G2}";
}
