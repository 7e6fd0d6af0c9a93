// What photos show, in ML.NET, with a network that polder export --input pixels255 wrote: MlNetPhoto model.onnx photo.jpg ...
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.Transforms.Image;

(string[] labels, int side) = About(args[0]);
var ml = new MLContext();
var pipeline = ml.Transforms.LoadImages("photo", null, nameof(Photo.Path))
    .Append(ml.Transforms.ResizeImages("photo", side, side, resizing: ImageResizingEstimator.ResizingKind.IsoCrop)) // the centre square
    .Append(ml.Transforms.ExtractPixels("input", "photo")) // red, green, blue, each 0 to 255
    .Append(ml.Transforms.ApplyOnnxModel(["probabilities"], ["input"], args[0]));
IDataView photos = ml.Data.LoadFromEnumerable(args[1..].Select(path => new Photo { Path = path }));
foreach (Answer answer in ml.Data.CreateEnumerable<Answer>(pipeline.Fit(photos).Transform(photos), reuseRowObject: false))
{
    int best = Array.IndexOf(answer.Probabilities, answer.Probabilities.Max());
    Console.WriteLine($"{Path.GetFileName(answer.Path)}: {labels[best]}, {answer.Probabilities[best]:P1}");
}

// The names of the classes and the side of the images, as the file says them.
static (string[] Labels, int Side) About(string model)
{
    using var session = new InferenceSession(model);
    return (JsonSerializer.Deserialize<string[]>(session.ModelMetadata.CustomMetadataMap["classes"])!, session.InputMetadata["input"].Dimensions[3]);
}

internal sealed class Photo
{
    public string Path { get; set; } = "";
}

internal sealed class Answer
{
    public string Path { get; set; } = "";

    [ColumnName("probabilities")]
    public float[] Probabilities { get; set; } = [];
}
