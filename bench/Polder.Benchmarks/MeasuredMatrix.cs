using Polder.Checkpoints;
using Polder.Curvature;
using Polder.Vision.Classifiers;
using Polder.Vision.Data;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Benchmarks;

/// <summary>A matrix whose estimates are counted.</summary>
/// <param name="Name">What tables and the journal call it.</param>
/// <param name="Matrix">The matrix.</param>
/// <param name="Dense">Its elements, where it is small; null else.</param>
internal sealed record MeasuredMatrix(string Name, ILinearOperator Matrix, Tensor? Dense)
{
    /// <summary>A dozen of 1000 eigenvalues hold most of the trace and one 40 % of it, as in trained classifiers; eigenvectors at random.</summary>
    public static MeasuredMatrix Outliers()
    {
        const int Dimension = 1000;
        double[] head = [40, 12, 9, 7, 5, 4, 3, 2.5, 2, 1.5, 1.2, 1];
        double tail = 11.8 / (Dimension - head.Length);
        double[] eigenvalues = [.. head, .. Enumerable.Range(0, Dimension - head.Length).Select(i => tail * (i % 2 == 0 ? 1.5 : 0.5))];
        using var generator = new Generator(1);
        using var scope = NewDisposeScope();
        (Tensor q, _) = linalg.qr(randn([Dimension, Dimension], ScalarType.Float64, generator: generator));
        Tensor matrix = q.mul(tensor(eigenvalues)).mm(q.t());
        return OfDense("12 outliers, d = 1000", matrix.add(matrix.t()).mul(0.5).DetachFromDisposeScope());
    }

    /// <summary>The whole Hessian of a tanh network 64-32-10 on its 256 examples, float64.</summary>
    /// <param name="folder">Its weights w.*.npy, x.npy and y.npy.</param>
    public static MeasuredMatrix MlpSmall(string folder)
    {
        using var scope = NewDisposeScope();
        Sequential module = nn.Sequential(("pred_head_1", nn.Linear(64, 32)), ("tanh", nn.Tanh()), ("pred_head_2", nn.Linear(32, 10)));
        module.to(ScalarType.Float64);
        using (no_grad())
            foreach ((string name, Parameter parameter) in module.named_parameters())
                parameter.copy_(Read($"w.{name}"));
        Tensor Read(string name)
        {
            NumpyArray array = Npy.Read(Path.Combine(folder, name + ".npy"));
            return tensor(array.ToDoubles()).view([.. array.Shape]);
        }

        var hessian = Hessian.Of(module, [(Read("x"), Read("y").to(ScalarType.Int64))], (outputs, targets) => nn.functional.cross_entropy(outputs, targets));
        return OfDense("mlpsmall, d = 2410", hessian.ToDense(rowsAtOnce: 241).DetachFromDisposeScope());
    }

    /// <summary>A CIFAR ResNet-20 with its weights and the first images of its training set.</summary>
    public static (TrainedClassifier Classifier, ImageSet Images) ResNet20(string weights, string data, int samples)
    {
        TrainedClassifier classifier = TrainedClassifier.Open(weights, "resnet20");
        ImageSet images = ImageSources.Open(data, new ImageSourceOptions { ImageSize = classifier.ImageSize }).Split(new SplitOptions()).Train;
        return (classifier, images.Subset([.. Enumerable.Range(0, samples)]));
    }

    private static MeasuredMatrix OfDense(string name, Tensor matrix) => new(name, new DenseOperator(matrix), matrix);
}
