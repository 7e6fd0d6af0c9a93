// What photos show, with a network that polder export --input bytes-nhwc wrote: OnnxPhoto model.onnx photo.jpg ...
using Microsoft.ML.OnnxRuntime;
using SkiaSharp;

string[] labels = File.ReadAllLines(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(args[0]))!, "labels.txt"));
using var session = new InferenceSession(args[0]);
using var run = new RunOptions();
int side = session.InputMetadata["input"].Dimensions[1]; // images x height x width x red, green, blue

foreach (string path in args[1..])
{
    using OrtValue input = OrtValue.CreateTensorValueFromMemory(Pixels(path, side), [1, side, side, 3]);
    using IDisposableReadOnlyCollection<OrtValue> output = session.Run(run, ["input"], [input], ["probabilities"]);
    float[] probabilities = output[0].GetTensorDataAsSpan<float>().ToArray();
    int best = Array.IndexOf(probabilities, probabilities.Max());
    Console.WriteLine($"{Path.GetFileName(path)}: {labels[best]}, {probabilities[best]:P1}");
}

// The centre square on white, made as large as the network's input.
static byte[] Pixels(string path, int side)
{
    using SKBitmap photo = SKBitmap.Decode(path) ?? throw new InvalidDataException($"{path} is no image");
    float scale = (float)side / Math.Min(photo.Width, photo.Height), left = (side - (photo.Width * scale)) / 2, top = (side - (photo.Height * scale)) / 2;
    using var square = new SKBitmap(new SKImageInfo(side, side, SKColorType.Rgba8888, SKAlphaType.Opaque));
    using var canvas = new SKCanvas(square);
    canvas.Clear(SKColors.White);
    using SKImage image = SKImage.FromBitmap(photo);
    var place = SKRect.Create(left, top, photo.Width * scale, photo.Height * scale);
    canvas.DrawImage(image, place, new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear));
    canvas.Flush();
    return [.. square.Bytes.Where((_, i) => i % 4 != 3)];
}
