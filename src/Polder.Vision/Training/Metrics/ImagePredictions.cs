using System.Text.Json.Serialization;

namespace Polder.Vision.Training.Metrics;

/// <summary>What a classifier said of every image of a set, in the set's order, a list a column: that packs well.</summary>
/// <param name="Labels">The class that each image has.</param>
/// <param name="Losses">The cross entropy of each, in nats, to five digits.</param>
/// <param name="Classes">The most probable classes of each, at most <see cref="Kept"/>, the first first.</param>
/// <param name="Probabilities">Their probabilities, to five decimals.</param>
public sealed record ImagePredictions(
    IReadOnlyList<int> Labels, IReadOnlyList<double> Losses, IReadOnlyList<IReadOnlyList<int>> Classes, IReadOnlyList<IReadOnlyList<double>> Probabilities)
{
    /// <summary>Classes that are kept of an image.</summary>
    public const int Kept = 5;

    private const int Decimals = 5;

    /// <summary>Number of images.</summary>
    [JsonIgnore]
    public int Count => Labels.Count;

    /// <summary>The class that an image was taken for.</summary>
    /// <param name="index">The image.</param>
    public int PredictedOf(int index) => Classes[index][0];

    /// <summary>The probability of the class that an image was taken for.</summary>
    /// <param name="index">The image.</param>
    public double ConfidenceOf(int index) => Probabilities[index][0];

    /// <summary>Whether an image was taken for its class.</summary>
    /// <param name="index">The image.</param>
    public bool IsRight(int index) => PredictedOf(index) == Labels[index];

    /// <summary>Gathers predictions image by image.</summary>
    internal sealed class Builder
    {
        private readonly List<int> _labels = [];
        private readonly List<double> _losses = [];
        private readonly List<IReadOnlyList<int>> _classes = [];
        private readonly List<IReadOnlyList<double>> _probabilities = [];

        /// <summary>Adds one image; its logits are finite. Among equal logits the class of the smaller number counts as the higher.</summary>
        public void Add(ReadOnlySpan<float> logits, int label)
        {
            int[] top = Highest(logits, Math.Min(Kept, logits.Length));
            double largest = logits[top[0]], sum = 0;
            foreach (float logit in logits)
                sum += Math.Exp(logit - largest);
            double[] probabilities = new double[top.Length];
            for (int k = 0; k < top.Length; k++)
                probabilities[k] = Math.Round(Math.Exp(logits[top[k]] - largest) / sum, Decimals);
            _labels.Add(label);
            _losses.Add(Math.Round(Math.Log(sum) + largest - logits[label], Decimals));
            _classes.Add(top);
            _probabilities.Add(probabilities);
        }

        public ImagePredictions Result() => new(_labels, _losses, _classes, _probabilities);

        private static int[] Highest(ReadOnlySpan<float> logits, int count)
        {
            int[] top = new int[count];
            int filled = 0;
            for (int c = 0; c < logits.Length; c++)
            {
                int place = filled;
                while (place > 0 && logits[c] > logits[top[place - 1]])
                    place--;
                if (place >= count)
                    continue;
                filled = Math.Min(filled + 1, count);
                for (int k = filled - 1; k > place; k--)
                    top[k] = top[k - 1];
                top[place] = c;
            }
            return top;
        }
    }
}

/// <summary>A set of images as a classifier judged it.</summary>
/// <param name="Metrics">Every measure.</param>
/// <param name="Predictions">What it said of each image.</param>
public sealed record JudgedImages(ClassificationMetrics Metrics, ImagePredictions Predictions);
