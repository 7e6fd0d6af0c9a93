using System.Globalization;
using Polder.Benchmarks.Studies;
using Polder.Curvature;
using Polder.Vision.Classifiers;
using Polder.Vision.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Benchmarks;

/// <summary>
/// Makes the table of docs/results/curvature.md: the products that each estimate needs, side by side. A matrix for which a path is
/// missing is left out.
/// </summary>
internal static class ProductCountCommand
{
    private static readonly double[] Asked = [0.1, 0.05, 0.02, 0.01], EigenvalueErrors = [1e-3, 1e-6];
    private static readonly (TraceEstimator Estimator, string Name)[] Estimators =
        [(TraceEstimator.Hutchinson, "Hutchinson"), (TraceEstimator.HutchPlusPlus, "Hutch++"), (TraceEstimator.XTrace, "XTrace"),
            (TraceEstimator.Auto, "auto")];

    public static void Run(IReadOnlyList<string> arguments)
    {
        var options = new StudyOptions(
            arguments, "--mlpsmall", "--weights", "--data", "--samples", "--seeds", "--network-seeds", "--max-products", "--network-products",
            "--journal", "--part");
        string part = options.Text("--part", "all");
        if (part is not ("all" or "traces" or "eigenvalues"))
            throw new ArgumentException($"--part: found {part}, allowed: all, traces, eigenvalues");
        (bool traces, bool eigenvalues) = (part != "eigenvalues", part != "traces");
        int seeds = options.Count("--seeds", 30, 2), networkSeeds = options.Count("--network-seeds", 3, 2);
        int most = options.Count("--max-products", 4000, 100), networkMost = options.Count("--network-products", 200, 100);
        int samples = options.Count("--samples", 64, 16);
        if (samples % 16 != 0)
            throw new ArgumentException($"--samples: found {samples}, allowed: a multiple of 16");
        var journal = new StudyJournal(options.Text("--journal", "") is { Length: > 0 } path ? path : null);
        Console.WriteLine($"\nSeeds 0 to {seeds - 1}, on ResNet-20 0 to {networkSeeds - 1}; at most {most} products a run, on ResNet-20 {networkMost}.");

        List<MeasuredMatrix> dense = [MeasuredMatrix.Outliers()];
        if (options.Path("--mlpsmall") is { } folder)
            dense.Insert(0, MeasuredMatrix.MlpSmall(folder));
        foreach (MeasuredMatrix matrix in dense)
        {
            double trace = matrix.Dense!.diagonal().sum().ToDouble(), first = linalg.eigvalsh(matrix.Dense).max().ToDouble();
            Head(matrix.Name, $"trace {trace:G7} and first eigenvalue {first:G7}, both of the whole matrix, float64");
            if (traces)
                Traces(journal, matrix.Name, () => matrix.Matrix, trace, seeds, most);
            if (eigenvalues)
                FirstEigenvalues(journal, matrix.Name, () => matrix.Matrix, first, seeds, most);
        }
        if (options.Path("--weights") is { } weights && options.Path("--data") is { } data)
            Network(journal, weights, data, samples, networkSeeds, networkMost, traces, eigenvalues);
    }

    private static void Network(StudyJournal journal, string weights, string data, int samples, int seeds, int most, bool traces, bool eigenvalues)
    {
        (TrainedClassifier classifier, ImageSet images) = MeasuredMatrix.ResNet20(weights, data, samples);
        using TrainedClassifier owner = classifier;
        Loader batches = classifier.LoaderOf(images);
        string name = $"ResNet-20 ({Path.GetFileName(weights)}), the first {samples} training images of CIFAR-10";
        Hessian Make() => Hessian.Of(classifier.Network, batches, (logits, labels) => nn.functional.cross_entropy(logits, labels));

        // The truths, each much closer than what is asked of the estimates.
        double[] trace = journal.Piece($"{name}, trace to 0.4 %", () =>
        {
            classifier.Network.to(ScalarType.Float32);
            TraceEstimate estimate = Make().Trace(new TraceEstimationOptions { RelativeError = 0.004, MaxProducts = 5000, Seed = 1_000_000 });
            return new[] { estimate.Value, estimate.StandardError, estimate.Products, estimate.Deflated };
        });
        double[] first = journal.Piece($"{name}, first eigenvalue", () =>
        {
            classifier.Network.to(ScalarType.Float64);
            using Eigenpairs pairs = Make().TopEigenvalues(2, new EigenOptions { Tolerance = 1e-5, Seed = 1_000_000 });
            return new[] { pairs.Top[0].Value, pairs.Top[0].Residual, pairs.Products, pairs.Top[1].Value };
        });
        Head(name, $"trace {trace[0]:G5} +- {trace[1]:G2}, float32, {trace[2]} products of another seed, {trace[3]} directions taken out; "
            + $"first eigenvalue {first[0]:G9} (residual {first[1]:G2}), second {first[3]:G5}, float64");
        if (traces)
        {
            classifier.Network.to(ScalarType.Float32);
            Traces(journal, name, Make, trace[0], seeds, most);
        }
        if (eigenvalues)
        {
            classifier.Network.to(ScalarType.Float64); // 1e-6 is below what products in float32 can show
            FirstEigenvalues(journal, name, Make, first[0], seeds, most);
        }
    }

    private static void Traces(StudyJournal journal, string name, Func<ILinearOperator> matrix, double truth, int seeds, int most)
    {
        Console.WriteLine("| trace | asked | products (least to most) | true error, RMS | products at that true error |\n|---|---|---|---|---|");
        foreach ((TraceEstimator estimator, string shown) in Estimators)
        {
            TraceCost[][] runs = [.. Enumerable.Range(0, seeds).Select(seed => journal.Piece(
                $"{name}, {shown} to {Asked.Min()} with at most {most}, seed {seed}",
                () => ProductCounts.OfTrace(matrix(), estimator, Asked, seed, most).ToArray()))];
            // A run that was cut short is shown by its error bar: where it would have ended.
            (double Products, double Error)[] means =
                [.. Asked.Select((_, i) => (runs.Average(run => run[i].ProductsToGo), Rms(runs.Select(run => (run[i].Value / truth) - 1))))];
            for (int i = 0; i < Asked.Length; i++)
            {
                if (Asked[i] is not (0.05 or 0.01))
                    continue;
                bool reached = runs.All(run => run[i].Reached);
                Console.WriteLine(reached
                    ? $"| {shown} | {Asked[i]:P0} | {means[i].Products:F0} ({runs.Min(r => r[i].Products)} to {runs.Max(r => r[i].Products)}) "
                        + $"| {means[i].Error:P2} | {ProductCounts.AtError([.. means], Asked[i]):F0} |"
                    : $"| {shown} | {Asked[i]:P0} | {means[i].Products:F0}, by the error at {most} | {means[i].Error:P2} at {most} | |");
            }
        }
        Console.WriteLine();
    }

    private static void FirstEigenvalues(StudyJournal journal, string name, Func<ILinearOperator> matrix, double truth, int seeds, int most)
    {
        Console.WriteLine("| first eigenvalue | error | products to that true error (least to most) | products until its own rule ends it "
            + "| true error then, largest |\n|---|---|---|---|---|");
        var needed = new List<double>[2];
        foreach (EigenvalueSearch search in Enum.GetValues<EigenvalueSearch>())
        {
            EigenvalueCost[][] runs = [.. Enumerable.Range(0, seeds).Select(seed => journal.Piece(
                $"{name}, {search} with at most {most}, seed {seed}",
                () => ProductCounts.OfFirstEigenvalue(matrix(), search, truth, EigenvalueErrors, seed, most).ToArray()))];
            needed[(int)search] = [];
            for (int i = 0; i < EigenvalueErrors.Length; i++)
            {
                long[] products = [.. runs.Select(r => r[i].Products ?? most)];
                long?[] own = [.. runs.Select(r => r[i].OwnProducts)];
                needed[(int)search].Add(products.Average());
                bool all = runs.All(r => r[i].Products is not null);
                Console.WriteLine(
                    $"| {(search == EigenvalueSearch.Lanczos ? "Lanczos" : "power iteration")} | {EigenvalueErrors[i]:G1} "
                    + $"| {(all ? "" : "more than ")}{products.Average():F1} ({products.Min()} to {products.Max()}) "
                    + $"| {(own.All(o => o is not null) ? own.Average()!.Value.ToString("F1", CultureInfo.InvariantCulture) : "not always")} "
                    + $"| {runs.Max(r => r[i].OwnError):G2} |");
            }
        }
        Console.WriteLine();
        Console.WriteLine($"Power iteration takes {needed[1][0] / needed[0][0]:F1} times the products of Lanczos to {EigenvalueErrors[0]:G1} "
            + $"and {needed[1][1] / needed[0][1]:F1} times to {EigenvalueErrors[1]:G1}.");
    }

    private static void Head(string name, string truth) => Console.WriteLine($"\n### {name}\n\nTrue values: {truth}.\n");

    private static double Rms(IEnumerable<double> values) => Math.Sqrt(values.Average(v => v * v));
}
