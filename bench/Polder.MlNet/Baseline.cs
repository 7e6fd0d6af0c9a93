using System.Diagnostics;
using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Polder.MlNet;

/// <summary>
/// ML.NET's own way to classify photos with few of them: the features of a pre-trained ResNet-18, then maximum entropy. Each file goes through
/// the network once, however many trainings have it; that time is reported, and no cache outlives the process.
/// </summary>
internal static class Baseline
{
    private const int Side = 224, FeatureCount = 512;

    /// <summary>Trains and tests on every part.</summary>
    public static object Run(IReadOnlyList<ImagePart> parts, int seed, string[] command)
    {
        string[] files = [.. parts.SelectMany(p => p.Train.Concat(p.Test)).Select(i => i.Path).Distinct()];
        if (Array.Find(files, f => !File.Exists(f)) is { } missing)
            throw new InvalidDataException($"{missing}: there is no such image");
        (var clock, TimeSpan before) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
        Dictionary<string, float[]> features = Featurize(files, seed);
        (double seconds, double processor) = (clock.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - before).TotalSeconds);
        Console.Error.WriteLine($"{files.Length} images, {FeatureCount} features each, {seconds:F1} s");
        return new
        {
            Program = "ML.NET",
            Pipeline = $"LoadImages, ResizeImages({Side}, {Side}), ExtractPixels, DnnFeaturizeImage(ResNet18), LbfgsMaximumEntropy, all at their defaults",
            Command = command,
            Seed = seed,
            Versions = new
            {
                MlNet = Version(typeof(MLContext)),
                OnnxTransformer = Version(typeof(OnnxCatalog)),
                Featurizer = Version(typeof(ResNet18Extension)),
                OnnxRuntime = Version(typeof(Microsoft.ML.OnnxRuntime.InferenceSession)),
                DotNet = $"{Environment.Version}",
            },
            Environment = new { Os = System.Runtime.InteropServices.RuntimeInformation.OSDescription, Processors = Environment.ProcessorCount },
            Features = new { Images = files.Length, Seconds = seconds, ProcessorSeconds = processor },
            Results = parts.Select(part => Result(part, features, seed)).ToArray(),
        };
    }

    private static Dictionary<string, float[]> Featurize(string[] files, int seed)
    {
        var ml = new MLContext(seed);
        var pipeline = ml.Transforms.LoadImages("Image", null, nameof(Photo.Path))
            .Append(ml.Transforms.ResizeImages("Image", Side, Side))
            .Append(ml.Transforms.ExtractPixels("Pixels", "Image"))
            .Append(ml.Transforms.DnnFeaturizeImage("Features", m => m.ModelSelector.ResNet18(ml, m.OutputColumn, m.InputColumn), "Pixels"));
        IDataView photos = ml.Data.LoadFromEnumerable(files.Select(path => new Photo { Path = path }));
        IDataView featurized = pipeline.Fit(photos).Transform(photos);
        return ml.Data.CreateEnumerable<Featurized>(featurized, reuseRowObject: false).ToDictionary(row => row.Path, row => row.Features);
    }

    private static object Result(ImagePart part, Dictionary<string, float[]> features, int seed)
    {
        var ml = new MLContext(seed);
        IDataView train = Rows(part.Train), test = Rows(part.Test);
        (var clock, TimeSpan before) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
        var model = ml.Transforms.Conversion.MapValueToKey("Key", nameof(Row.Label))
            .Append(ml.MulticlassClassification.Trainers.LbfgsMaximumEntropy("Key", nameof(Row.Features))).Fit(train);
        (double seconds, double processor) = (clock.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - before).TotalSeconds);
        double accuracy = ml.MulticlassClassification.Evaluate(model.Transform(test), "Key").MicroAccuracy;
        Console.Error.WriteLine($"{part.Name}: {part.Train.Count} training and {part.Test.Count} test images, "
            + $"accuracy {accuracy:P1}, fitted in {seconds:F1} s");
        return new
        {
            Images = part.Name,
            Train = part.Train.Count,
            Test = part.Test.Count,
            Classes = part.Train.Select(i => i.Label).Distinct().Count(),
            Accuracy = accuracy,
            FitSeconds = seconds,
            FitProcessorSeconds = processor,
        };

        IDataView Rows(IReadOnlyList<LabelledImage> images)
        {
            SchemaDefinition schema = SchemaDefinition.Create(typeof(Row));
            schema[nameof(Row.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, FeatureCount);
            return ml.Data.LoadFromEnumerable(images.Select(i => new Row { Label = i.Label, Features = features[i.Path] }), schema);
        }
    }

    private static string Version(Type type) =>
        type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? $"{type.Assembly.GetName().Version}";

    private sealed class Photo
    {
        public string Path { get; set; } = "";
    }

    private sealed class Featurized
    {
        public string Path { get; set; } = "";

        public float[] Features { get; set; } = [];
    }

    private sealed class Row
    {
        public string Label { get; set; } = "";

        public float[] Features { get; set; } = [];
    }
}
