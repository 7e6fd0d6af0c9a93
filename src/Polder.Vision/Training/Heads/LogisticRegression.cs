using MathNet.Numerics.LinearAlgebra.Double;
using MathNet.Numerics.Optimization;

namespace Polder.Vision.Training;

/// <summary>
/// Multinomial logistic regression of labels on features with an L2 penalty, in double precision. The loss is the training's: cross entropy with
/// its class weights and label smoothing. A point is classes x (features + 1) numbers, row by row, a class's bias last.
/// </summary>
internal sealed class LogisticRegression : IDisposable
{
    private const int Memory = 10, MostIterations = 3000;

    private readonly Tensor _inputs, _labels, _mean, _scale;
    private readonly Tensor? _classWeights;
    private readonly double _smoothing;
    private readonly int _classes, _columns;

    /// <summary>Prepares a fit; the tensors stay the caller's.</summary>
    /// <param name="features">N x features.</param>
    /// <param name="labels">N class numbers.</param>
    /// <param name="classes">The number of classes.</param>
    /// <param name="classWeights">A weight a class; null: all alike.</param>
    /// <param name="smoothing">The share of a label that is spread over all classes.</param>
    public LogisticRegression(Tensor features, Tensor labels, int classes, Tensor? classWeights = null, double smoothing = 0)
    {
        (_classes, _columns, _smoothing) = (classes, checked((int)features.shape[1]) + 1, smoothing);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor exact = features.to(ScalarType.Float64);
        _mean = exact.mean([0L]).DetachFromDisposeScope();
        Tensor centered = exact - _mean;
        // Features that are all alike say nothing; what rounding leaves of them is not blown up.
        double size = Math.Sqrt(centered.mul(centered).mean().ToDouble()), least = 1e-12 * exact.abs().max().ToDouble();
        _scale = tensor(size > least ? size : 1, ScalarType.Float64).DetachFromDisposeScope();
        _inputs = Extended(exact).DetachFromDisposeScope();
        _labels = labels.alias().DetachFromDisposeScope();
        _classWeights = classWeights?.to(ScalarType.Float64, copy: true).DetachFromDisposeScope();
    }

    /// <summary>The mean loss at a point, with the penalty, and its gradient.</summary>
    public (double Loss, double[] Gradient) At(double[] point, double l2)
    {
        using var scope = NewDisposeScope();
        using var grad = enable_grad();
        Tensor weights = tensor(point, [_classes, _columns]).requires_grad_();
        Tensor loss = Loss(weights, _inputs, _labels, _classWeights, _smoothing);
        loss.backward();
        double[] gradient = weights.grad!.data<double>().ToArray();
        // Not by tensor + number * tensor: TorchSharp's temporary Scalars may be finalized while libtorch still reads them, and the large arrays here make
        // the collector run often (seen with 100 classes on a busy machine).
        double squares = 0;
        for (int i = 0; i < point.Length; i++)
        {
            if (i % _columns == _columns - 1)
                continue; // a bias
            squares += point[i] * point[i];
            gradient[i] += l2 * point[i];
        }
        return (loss.ToDouble() + (l2 / 2 * squares), gradient);
    }

    /// <summary>The mean loss at a point without the penalty.</summary>
    public double LossAt(double[] point)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return Loss(tensor(point, [_classes, _columns]), _inputs, _labels, _classWeights, _smoothing).ToDouble();
    }

    /// <summary>The mean cross entropy at a point over other examples, all alike.</summary>
    public double LossOn(Tensor features, Tensor labels, double[] point)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return Loss(tensor(point, [_classes, _columns]), Extended(features.to(ScalarType.Float64)), labels, null, 0).ToDouble();
    }

    /// <summary>Finds the minimum.</summary>
    /// <param name="l2">The strength of the penalty, above 0.</param>
    /// <param name="from">Where to begin; null: at zero.</param>
    /// <param name="tolerance">The largest element of the gradient that is taken for zero.</param>
    /// <param name="cancellation">Stops.</param>
    /// <returns>The point, and what is known of it.</returns>
    public (double[] Point, HeadFit Fit) Minimize(double l2, double[]? from = null, double tolerance = 1e-7, CancellationToken cancellation = default)
    {
        int evaluations = 0;
        (double Loss, double[] Gradient, double[] Point) best = (double.PositiveInfinity, [], []);
        IObjectiveFunction objective = ObjectiveFunction.Gradient(vector =>
        {
            cancellation.ThrowIfCancellationRequested();
            evaluations++;
            double[] point = vector.ToArray();
            (double loss, double[] gradient) = At(point, l2);
            if (loss <= best.Loss)
                best = (loss, gradient, point);
            return (loss, (MathNet.Numerics.LinearAlgebra.Vector<double>)new DenseVector(gradient));
        });
        try
        {
            MinimizationResult found = new LimitedMemoryBfgsMinimizer(tolerance, 0, 0, Memory, MostIterations)
                .FindMinimum(objective, new DenseVector(from ?? new double[_classes * _columns]));
            best.Point = found.MinimizingPoint.ToArray();
            (best.Loss, best.Gradient) = At(best.Point, l2);
        }
        catch (OptimizationException)
        {
            // The loss is flat to the last digit along its line, or the iterations are used up: the lowest point that was seen is the result.
        }
        return (best.Point, new HeadFit(l2, best.Loss, best.Gradient.Max(Math.Abs), evaluations));
    }

    /// <summary>Writes a point into a layer of the features as they came.</summary>
    public void CopyInto(Linear head, double[] point)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor all = tensor(point, [_classes, _columns]), weight = all.narrow(1, 0, _columns - 1) / _scale;
        head.weight!.copy_(weight);
        head.bias!.copy_(all.select(1, _columns - 1) - weight.matmul(_mean));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor? tensor in (ReadOnlySpan<Tensor?>)[_inputs, _labels, _mean, _scale, _classWeights])
            tensor?.Dispose();
    }

    private static Tensor Loss(Tensor weights, Tensor inputs, Tensor labels, Tensor? classWeights, double smoothing) =>
        nn.functional.cross_entropy(inputs.matmul(weights.t()), labels, weight: classWeights, label_smoothing: smoothing);

    private Tensor Extended(Tensor exact) => cat([(exact - _mean) / _scale, ones([exact.shape[0], 1], ScalarType.Float64)], 1);
}
