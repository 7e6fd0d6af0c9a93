using Polder.Methods;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Training;

namespace Polder.Benchmarks;

/// <summary>
/// What training a head on a frozen body costs, in forward passes over the images: with the body's output kept, and computed anew in every epoch,
/// as it must be where images are flipped at random.
/// </summary>
internal static class FrozenLayersBenchmark
{
    private const int Epochs = 10, Count = 128, Validation = 32, Rounds = 5;

    public static void Run()
    {
        foreach ((string name, int side) in (IEnumerable<(string, int)>)[("resnet20", 32), ("resnet18", 64)])
        {
            ImageSet images = Images(Count, side), validation = Images(Validation, side);
            using ImageClassifier model = Architectures.Get(name).Build(10, 0);
            var loader = new Loader(images, new LoaderOptions { BatchSize = 32 });
            Interleaved.Compare(
                $"A frozen body: {name}, {side} px, {Count} training and {Validation} validation images, base (SGD), batch 32",
                [
                    ("one forward pass over the training images", () => EvaluationResult.Of(model, loader)),
                    ($"{Epochs} epochs of the head, the body's output kept", () => Train(new Plain(), Augmentation.None)),
                    ($"{Epochs} epochs of the head, nso, kept", () => Train(new NoiseStability { Sigma = 0.01 }, Augmentation.None)),
                    ($"{Epochs} epochs of the head, computed anew", () => Train(new Plain(), Augmentation.Flip)),
                ], Rounds, warmup: 1);

            void Train(IGradientMethod method, Augmentation augmentation) => new Trainer(
                new TrainingOptions { FreezeBody = true, Epochs = Epochs, Augmentation = augmentation }, method)
                .Run(model, images, validation, Normalization.ImageNet);
        }
    }

    private static ImageSet Images(int count, int side)
    {
        var random = new Random(count);
        byte[][] pixels = [.. Enumerable.Range(0, count).Select(_ =>
        {
            byte[] image = new byte[3 * side * side];
            random.NextBytes(image);
            return image;
        })];
        return new ImageSet(pixels, [.. Enumerable.Range(0, count).Select(i => i % 10)], [.. "0123456789".Select(c => $"{c}")], 3, side, side);
    }
}
