using Polder.Curvature;
using Polder.Vision.Models;
using static TorchSharp.torch;

namespace Polder.Benchmarks;

/// <summary>What a Hessian-vector product costs against a gradient of the same batch, alone and among several, and whether memory stays.</summary>
internal static class CurvatureBenchmark
{
    public static void Run()
    {
        Memory("digits-cnn", 64, 8, warmUp: 1000, products: 3000);
        Memory("resnet20", 16, 32, warmUp: 200, products: 1000);
        Measure("Hessian-vector products, ResNet-20, 32 px, batch 64", "resnet20", 64, 32, rounds: 10);
        Measure("Hessian-vector products, ResNet-20, 32 px, batch 128", "resnet20", 128, 32, rounds: 10);
    }

    private static void Measure(string title, string architecture, int batch, int side, int rounds)
    {
        using ImageClassifier model = New(architecture, batch, side, out Tensor images, out Tensor labels);
        Hessian hessian = Of(model, images, labels);
        using Tensor vectors = randn([5, hessian.Dimension]);
        using Tensor one = vectors.narrow(0, 0, 1);
        hessian.Loss.RequireDeterminism();
        Interleaved.Compare(title,
        [
            ("gradient", () => hessian.Loss.Gradient().Dispose()),
            ("product", () => hessian.Multiply(one).Dispose()),
            ("5 products in one call", () => hessian.Multiply(vectors).Dispose()),
        ], rounds);
        images.Dispose();
        labels.Dispose();
    }

    // The first hundreds of products are left out: until then the runtime compiles, and lets the heap of its wrappers grow to its first collection.
    private static void Memory(string architecture, int batch, int side, int warmUp, int products)
    {
        using ImageClassifier model = New(architecture, batch, side, out Tensor images, out Tensor labels);
        Hessian hessian = Of(model, images, labels);
        using Tensor vector = randn([1, hessian.Dimension]);
        Multiply(warmUp);
        List<string> seen = [NativeMemory.Describe()];
        for (int third = 0; third < 3; third++)
        {
            Multiply(products / 3);
            seen.Add(NativeMemory.Describe());
        }
        Console.WriteLine($"\nMemory, {architecture}, batch {batch}: after {warmUp} products {seen[0]}; "
            + $"after each third of {products} more {string.Join(", ", seen.Skip(1))}.");
        images.Dispose();
        labels.Dispose();

        void Multiply(int count)
        {
            for (int i = 0; i < count; i++)
                hessian.Multiply(vector).Dispose();
        }
    }

    private static ImageClassifier New(string architecture, int batch, int side, out Tensor images, out Tensor labels)
    {
        Architecture chosen = Architectures.Get(architecture);
        using var generator = new Generator(1);
        images = randn([batch, chosen.Channels, side, side], generator: generator);
        labels = randint(0, 10, [batch], ScalarType.Int64, generator: generator);
        return chosen.Build(10, 0);
    }

    private static Hessian Of(ImageClassifier model, Tensor images, Tensor labels) =>
        Hessian.Of(model, [(images, labels)], (logits, targets) => nn.functional.cross_entropy(logits, targets));
}
