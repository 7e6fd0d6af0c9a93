using System.Text.Json.Serialization;

namespace Polder.Vision.Training.Metrics;

/// <summary>What is said of one class.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Count">Images of it.</param>
/// <param name="Precision">Of the images taken for it, the share that is of it.</param>
/// <param name="Recall">Of the images of it, the share that was taken for it.</param>
/// <param name="F1">The harmonic mean of the two.</param>
public sealed record ClassMetrics(string Name, long Count, double Precision, double Recall, double F1);

/// <summary>One measure.</summary>
/// <param name="Name">Its name in JSON.</param>
/// <param name="Words">Its name for people.</param>
/// <param name="Value">The number.</param>
public sealed record MetricFigure(string Name, string Words, double Value)
{
    /// <summary>How people read the number.</summary>
    public string Format { get; init; } = "F4";

    /// <summary>Whether tables show it.</summary>
    public bool IsForPeople { get; init; } = true;
}

/// <summary>How well a classifier does on a set, by every usual measure. Shares are between 0 and 1.</summary>
public sealed record ClassificationMetrics
{
    /// <summary>The share of images whose highest logit is that of their class.</summary>
    public required double Accuracy { get; init; }

    /// <summary>The mean cross entropy, in nats.</summary>
    public required double Loss { get; init; }

    /// <summary>Number of images.</summary>
    public required int Count { get; init; }

    /// <summary>For each k, the share of images whose class is among the k highest logits.</summary>
    public required IReadOnlyDictionary<int, double> TopAccuracy { get; init; }

    /// <summary>See <see cref="ConfusionMatrix.BalancedAccuracy"/>.</summary>
    public double BalancedAccuracy => Confusion.BalancedAccuracy;

    /// <summary>See <see cref="ConfusionMatrix.MacroF1"/>.</summary>
    public double MacroF1 => Confusion.MacroF1;

    /// <summary>See <see cref="ConfusionMatrix.QuadraticKappa"/>.</summary>
    public double QuadraticKappa => Confusion.QuadraticKappa;

    /// <summary>See <see cref="CalibrationBins"/>, of 15 bins.</summary>
    public required double ExpectedCalibrationError { get; init; }

    /// <summary>The measures that are one number beside accuracy and loss: tables, JSON and comparisons show what is here.</summary>
    [JsonIgnore]
    public IReadOnlyList<MetricFigure> Figures =>
    [
        new("balancedAccuracy", "balanced accuracy", BalancedAccuracy) { Format = "P1" },
        new("macroF1", "macro F1", MacroF1),
        // Only grades have an order that a kappa could respect.
        new("quadraticKappa", "quadratic kappa", QuadraticKappa) { IsForPeople = PerClass.All(c => int.TryParse(c.Name, out _)) },
        new("expectedCalibrationError", "calibration error", ExpectedCalibrationError),
    ];

    /// <summary>How often each class was taken for each.</summary>
    public required ConfusionMatrix Confusion { get; init; }

    /// <summary>Every class by itself, in the classes' order.</summary>
    public required IReadOnlyList<ClassMetrics> PerClass { get; init; }
}

/// <summary>Gathers a classifier's outputs and makes metrics of them.</summary>
public sealed class MetricsAccumulator
{
    private readonly IReadOnlyList<string> _classes;
    private readonly ConfusionMatrix _confusion;
    private readonly CalibrationBins _calibration = new();
    private readonly long[] _ranks;
    private double _loss;

    /// <summary>Starts with no image.</summary>
    /// <param name="classes">The names of the classes, 2 or more.</param>
    public MetricsAccumulator(IReadOnlyList<string> classes)
    {
        ArgumentNullException.ThrowIfNull(classes);
        _classes = classes;
        _confusion = new ConfusionMatrix(classes.Count);
        _ranks = new long[classes.Count];
    }

    /// <summary>Adds one image. Among equal logits the class of the smaller number counts as the higher.</summary>
    /// <param name="logits">One finite number a class.</param>
    /// <param name="label">The true class.</param>
    /// <exception cref="ArgumentException">There are not as many logits as classes, one is not finite, or there is no such class.</exception>
    public void Add(ReadOnlySpan<float> logits, int label)
    {
        if (logits.Length != _classes.Count)
            throw new ArgumentException($"{logits.Length} logits for {_classes.Count} classes", nameof(logits));
        if ((uint)label >= (uint)logits.Length)
            throw new ArgumentException($"label {label}; allowed are 0 to {logits.Length - 1}", nameof(label));
        int predicted = 0, rank = 0;
        for (int c = 0; c < logits.Length; c++)
        {
            if (!float.IsFinite(logits[c]))
                throw new ArgumentException($"the logit of class '{_classes[c]}' is {logits[c]}: the network's weights or inputs are not finite",
                    nameof(logits));
            if (logits[c] > logits[predicted])
                predicted = c;
            if (logits[c] > logits[label] || (logits[c] == logits[label] && c < label))
                rank++;
        }
        double sum = 0;
        foreach (float logit in logits)
            sum += Math.Exp(logit - (double)logits[predicted]);
        _loss += Math.Log(sum) + logits[predicted] - logits[label];
        _ranks[rank]++;
        _confusion.Add(label, predicted);
        _calibration.Add(1 / sum, predicted == label);
    }

    /// <summary>The metrics of what was added.</summary>
    /// <param name="top">The ks of top-k accuracy, each between 1 and the number of classes.</param>
    /// <exception cref="InvalidOperationException">Nothing was added.</exception>
    public ClassificationMetrics Result(params IReadOnlyList<int> top)
    {
        ArgumentNullException.ThrowIfNull(top);
        if (_confusion.Count == 0)
            throw new InvalidOperationException("no image was added");
        foreach (int k in top)
            Require.That(k >= 1 && k <= _classes.Count, k, $"between 1 and {_classes.Count}");
        return new ClassificationMetrics
        {
            Accuracy = _confusion.Accuracy,
            Loss = _loss / _confusion.Count,
            Count = checked((int)_confusion.Count),
            TopAccuracy = top.Distinct().Order().ToDictionary(k => k, k => (double)_ranks.Take(k).Sum() / _confusion.Count),
            ExpectedCalibrationError = _calibration.Error,
            Confusion = _confusion,
            PerClass =
            [
                .. _classes.Select((name, c) => new ClassMetrics(name, _confusion.Support(c), _confusion.Precision(c), _confusion.Recall(c), _confusion.F1(c))),
            ],
        };
    }
}
