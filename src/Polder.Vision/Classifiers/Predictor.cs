using System.Runtime.InteropServices;
using System.Text.Json.Serialization;

namespace Polder.Vision.Classifiers;

/// <summary>A class with the probability that the network gives it.</summary>
/// <param name="Label">The class's number.</param>
/// <param name="Class">The class's name.</param>
/// <param name="Probability">Between 0 and 1.</param>
public sealed record ClassProbability(int Label, string Class, double Probability);

/// <summary>What the network says of one image file.</summary>
/// <param name="Path">The file.</param>
/// <param name="Top">The most probable classes, the first first; empty where the file could not be decoded.</param>
/// <param name="Error">Why the file could not be decoded; null where it was.</param>
public sealed record Prediction(string Path, IReadOnlyList<ClassProbability> Top, string? Error = null)
{
    /// <summary>What the network's head sees of the image (<see cref="ImageClassifier.Features"/>); null unless <see cref="Predictor.KeepFeatures"/>.</summary>
    [JsonIgnore]
    public IReadOnlyList<float>? Features { get; init; }
}

/// <summary>
/// Classifies image files, thousands in one go: a batch at a time is in memory, and the next is decoded while the network computes. Images are
/// prepared as for evaluation. Several threads may predict with one predictor, or one classifier, at once: each gets what it would get alone.
/// </summary>
public sealed class Predictor
{
    private readonly TrainedClassifier _classifier;

    /// <summary>Makes a predictor; the classifier stays the caller's.</summary>
    /// <param name="classifier">The classifier.</param>
    public Predictor(TrainedClassifier classifier) => _classifier = classifier ?? throw new ArgumentNullException(nameof(classifier));

    /// <summary>The most probable classes of each prediction: 1 or more; more than there are classes gives all. Default 5.</summary>
    public int Top { get; init; } = 5;

    /// <summary>Images of a batch, 1 or more. Default 64. The result does not depend on it beyond rounding.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>True: a file that cannot be decoded gives a prediction with its error; false (default): it ends the work.</summary>
    public bool SkipUnreadable { get; init; }

    /// <summary>Whether predictions carry their features, for a search of similar images or another classifier. Default: no.</summary>
    public bool KeepFeatures { get; init; }

    /// <summary>What the network computes in. Default: float32.</summary>
    public Precision Precision { get; init; }

    /// <summary>
    /// The posterior around the classifier's weights: probabilities are then means over <see cref="Samples"/> networks drawn from it, and the predictor has the
    /// model alone while it computes. Null (default): those of the one network. It stays the caller's.
    /// </summary>
    public WeightPosterior? Posterior { get; init; }

    /// <summary>The number of draws of <see cref="Posterior"/>, 1 or more. Default 1.</summary>
    public int Samples { get; init; } = 1;

    /// <summary>Threads that decode, 1 or more; null (default): one fewer than there are processors.</summary>
    public int? Threads { get; init; }

    /// <summary>All image files of files and folders: a file as it is, a folder's images by code points of their paths, deeper folders included.</summary>
    /// <param name="paths">Files and folders.</param>
    /// <exception cref="DataException">There is no such file or folder, or a folder holds no image.</exception>
    public static IReadOnlyList<string> Files(IEnumerable<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        var files = new List<string>();
        foreach (string path in paths)
        {
            if (File.Exists(path))
            {
                files.Add(path);
                continue;
            }
            if (!Directory.Exists(path))
                throw new DataException(path, ImageDecoder.Unreadable(path, "file or folder", new FileNotFoundException()));
            List<string> images = new ImageFiles().Under(path);
            if (images.Count == 0)
                throw new DataException(path, $"holds no image; allowed are {string.Join(", ", ImageDecoder.Endings)}");
            files.AddRange(images);
        }
        return files;
    }

    /// <summary>
    /// Classifies files in their order. The model is in evaluation mode while a batch is computed, and in its own mode between batches and afterwards.
    /// </summary>
    /// <param name="files">Image files.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="ImageDecodingException">A file cannot be decoded, unless <see cref="SkipUnreadable"/>.</exception>
    /// <exception cref="ArithmeticException">The network gives a probability that is no number.</exception>
    /// <exception cref="InvalidOperationException">Another thread trains or measures the model.</exception>
    public IEnumerable<Prediction> Predict(IReadOnlyList<string> files, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(files);
        Require.AtLeast(Top, 1);
        Require.AtLeast(BatchSize, 1);
        Require.AtLeast(Samples, 1);
        Require.That(Posterior is null || !KeepFeatures, KeepFeatures, "false with a posterior: features are those of one network", nameof(KeepFeatures));
        return Batches(files, cancellation);
    }

    /// <summary>Classifies one image, of the same formats and turned the same way as a file: for a service that gets images and not files.</summary>
    /// <param name="image">The image file's bytes.</param>
    /// <param name="name">What the prediction and messages call it.</param>
    /// <returns>The prediction; with its error where it cannot be decoded and <see cref="SkipUnreadable"/>.</returns>
    /// <inheritdoc cref="Predict(IReadOnlyList{string}, CancellationToken)" path="/exception"/>
    public Prediction Predict(byte[] image, string name = "image")
    {
        ArgumentNullException.ThrowIfNull(image);
        Require.AtLeast(Top, 1);
        Decoded decoded = Decode(name, () => ImageDecoder.Decode(image, name, _classifier.ImageSize, _classifier.Fit));
        return decoded.Error is { } error && !SkipUnreadable ? throw error : Classify([decoded])[0];
    }

    private IEnumerable<Prediction> Batches(IReadOnlyList<string> files, CancellationToken cancellation)
    {
        string[][] batches = [.. files.Chunk(BatchSize)];
        Task<Decoded[]>? next = batches.Length == 0 ? null : Task.Run(() => Decode(batches[0], cancellation), cancellation);
        for (int b = 0; b < batches.Length; b++)
        {
            Decoded[] images = next!.GetAwaiter().GetResult();
            int following = b + 1;
            next = following < batches.Length ? Task.Run(() => Decode(batches[following], cancellation), cancellation) : null;
            foreach (Prediction prediction in Classify(images))
                yield return prediction;
        }
    }

    private Decoded[] Decode(string[] files, CancellationToken cancellation)
    {
        var decoded = new Decoded[files.Length];
        var parallel = new ParallelOptions
        {
            MaxDegreeOfParallelism = Threads ?? Math.Max(1, Environment.ProcessorCount - 1),
            CancellationToken = cancellation,
        };
        Parallel.For(0, files.Length, parallel,
            i => decoded[i] = Decode(files[i], () => ImageDecoder.Decode(files[i], _classifier.ImageSize, _classifier.Fit)));
        // In their order, so that the message does not depend on the threads.
        if (!SkipUnreadable && Decoding.Together([.. decoded.Select(d => d.Error).OfType<ImageDecodingException>()]) is { } error)
            throw error;
        return decoded;
    }

    private static Decoded Decode(string path, Func<byte[]> decode)
    {
        try
        {
            return new Decoded(path, decode(), null);
        }
        catch (ImageDecodingException exception)
        {
            return new Decoded(path, null, exception);
        }
    }

    private List<Prediction> Classify(Decoded[] images)
    {
        var predictions = new List<Prediction>(images.Length);
        byte[][] pixels = [.. images.Where(i => i.Pixels is not null).Select(i => i.Pixels!)];
        (double[][] probabilities, float[][]? features) = pixels.Length == 0 ? ([], null) : Outputs(pixels);
        int at = 0;
        foreach (Decoded image in images)
        {
            if (image.Pixels is null)
            {
                predictions.Add(new Prediction(image.Path, [], image.Error!.Message));
                continue;
            }
            predictions.Add(new Prediction(image.Path, MostProbable(image.Path, probabilities[at])) { Features = features?[at] });
            at++;
        }
        return predictions;
    }

    private (double[][] Probabilities, float[][]? Features) Outputs(byte[][] pixels)
    {
        int side = _classifier.ImageSize;
        var set = new ImageSet(pixels, new int[pixels.Length], _classifier.Classes, 3, side, side);
        var maker = new BatchMaker(set, new LoaderOptions { Normalization = _classifier.Normalization, ImageSize = side, Form = InputForm.Of(Precision) });
        using Batch batch = maker.Make(0, [.. Enumerable.Range(0, pixels.Length)]);
        if (Posterior is not null && !KeepFeatures)
            return (Posterior.MeanProbabilities(batch.Images, Samples), null);
        // Not over a yield: a sequence that is given up half way would never give the model back.
        using ModelUse use = ModelUse.Ask(_classifier.Network);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor features = _classifier.Network.Features(batch.Images);
        Tensor own = nn.functional.softmax(_classifier.Network.Logits(features).to(ScalarType.Float64), 1);
        return (Rows<double>(own), KeepFeatures ? Rows<float>(features.to(ScalarType.Float32)) : null);
    }

    private static T[][] Rows<T>(Tensor matrix)
        where T : unmanaged
    {
        int columns = (int)matrix.shape[1];
        ReadOnlySpan<T> values = MemoryMarshal.Cast<byte, T>(matrix.contiguous().bytes);
        var rows = new T[matrix.shape[0]][];
        for (int i = 0; i < rows.Length; i++)
            rows[i] = values.Slice(i * columns, columns).ToArray();
        return rows;
    }

    private ClassProbability[] MostProbable(string path, double[] probabilities)
    {
        if (Array.Exists(probabilities, double.IsNaN))
            throw new ArithmeticException($"{path}: the network's output is not a number: its weights are not finite");
        return
        [
            .. probabilities.Select((p, c) => new ClassProbability(c, _classifier.Classes[c], p)).OrderByDescending(p => p.Probability)
                .ThenBy(p => p.Label).Take(Top),
        ];
    }

    private sealed record Decoded(string Path, byte[]? Pixels, ImageDecodingException? Error);
}
