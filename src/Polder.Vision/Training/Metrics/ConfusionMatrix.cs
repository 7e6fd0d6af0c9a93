namespace Polder.Vision.Training.Metrics;

/// <summary>How often images of each class were taken for each class, and what follows from it.</summary>
public sealed class ConfusionMatrix
{
    private readonly long[,] _counts;

    /// <summary>An empty matrix.</summary>
    /// <param name="classes">Number of classes, 2 or more.</param>
    public ConfusionMatrix(int classes)
    {
        Require.AtLeast(classes, 2);
        _counts = new long[classes, classes];
    }

    /// <summary>Number of classes.</summary>
    public int Classes => _counts.GetLength(0);

    /// <summary>Number of images.</summary>
    public long Count { get; private set; }

    /// <summary>Images of class <paramref name="label"/> that were taken for <paramref name="predicted"/>.</summary>
    /// <param name="label">The true class.</param>
    /// <param name="predicted">The class that was predicted.</param>
    public long this[int label, int predicted] => _counts[label, predicted];

    /// <summary>Counts one image.</summary>
    /// <param name="label">The true class.</param>
    /// <param name="predicted">The class that was predicted.</param>
    public void Add(int label, int predicted)
    {
        _counts[label, predicted]++;
        Count++;
    }

    /// <summary>Images of a class.</summary>
    /// <param name="label">The class.</param>
    public long Support(int label) => Enumerable.Range(0, Classes).Sum(p => _counts[label, p]);

    /// <summary>Images that were taken for a class.</summary>
    /// <param name="predicted">The class.</param>
    public long Predicted(int predicted) => Enumerable.Range(0, Classes).Sum(t => _counts[t, predicted]);

    /// <summary>The share on the diagonal; NaN without images.</summary>
    public double Accuracy => (double)Enumerable.Range(0, Classes).Sum(c => _counts[c, c]) / Count;

    /// <summary>Of the images taken for a class, the share that is of it; 0 where none was taken for it.</summary>
    /// <param name="class">The class.</param>
    public double Precision(int @class) => Share(_counts[@class, @class], Predicted(@class));

    /// <summary>Of the images of a class, the share taken for it; 0 where there is none.</summary>
    /// <param name="class">The class.</param>
    public double Recall(int @class) => Share(_counts[@class, @class], Support(@class));

    /// <summary>The harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN); 0 where the class neither occurs nor is predicted.</summary>
    /// <param name="class">The class.</param>
    public double F1(int @class) => Share(2 * _counts[@class, @class], Support(@class) + Predicted(@class));

    /// <summary>The mean of <see cref="F1"/> over the classes that occur or are predicted, each with the same weight; NaN without images.</summary>
    public double MacroF1 => Enumerable.Range(0, Classes).Where(c => Support(c) + Predicted(c) > 0).Select(F1).DefaultIfEmpty(double.NaN).Average();

    /// <summary>The mean recall over the classes that occur: the accuracy as it would be with equally many images of each; NaN without images.</summary>
    public double BalancedAccuracy => Enumerable.Range(0, Classes).Where(c => Support(c) > 0).Select(Recall).DefaultIfEmpty(double.NaN).Average();

    /// <summary>
    /// Cohen's kappa with quadratic weights (Cohen 1968), for classes in order (grades): 1 - sum (i - j)^2 n_ij / sum (i - j)^2 e_ij, where e has the
    /// margins of n and no association. 1 is agreement, 0 is chance; NaN where all images are of one class and taken for it, or there is none.
    /// </summary>
    public double QuadraticKappa => QuadraticKappaOf([.. Enumerable.Range(0, Classes)]);

    /// <summary>The same for classes whose order is not that of their numbers.</summary>
    /// <param name="ranks">The place of each class in the order.</param>
    internal double QuadraticKappaOf(IReadOnlyList<int> ranks)
    {
        double found = 0, chance = 0;
        long[] support = [.. Enumerable.Range(0, Classes).Select(Support)], predicted = [.. Enumerable.Range(0, Classes).Select(Predicted)];
        for (int i = 0; i < Classes; i++)
        {
            for (int j = 0; j < Classes; j++)
            {
                double weight = Math.Pow(ranks[i] - ranks[j], 2);
                found += weight * _counts[i, j];
                chance += weight * support[i] * predicted[j] / Count;
            }
        }
        return chance > 0 ? 1 - found / chance : double.NaN;
    }

    /// <summary>The counts: a row a true class, a column a predicted one.</summary>
    public long[][] ToRows() => [.. Enumerable.Range(0, Classes).Select(t => Enumerable.Range(0, Classes).Select(p => _counts[t, p]).ToArray())];

    private static double Share(long part, long whole) => whole == 0 ? 0 : (double)part / whole;
}
