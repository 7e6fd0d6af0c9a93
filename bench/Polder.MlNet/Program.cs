// What a .NET user gets from ML.NET of the images that a Polder run had. See README.md.
using System.Text.Json;
using Polder.MlNet;

try
{
    Arguments given = Arguments.Of(args);
    IReadOnlyList<ImagePart> parts = given.Parts();
    string json = JsonSerializer.Serialize(Baseline.Run(parts, given.Seed, args),
        new JsonSerializerOptions(JsonSerializerDefaults.Web) { WriteIndented = true });
    if (given.Json is { } file)
    {
        File.WriteAllText($"{file}.part", json + "\n");
        File.Move($"{file}.part", file, overwrite: true);
    }
    else
    {
        Console.WriteLine(json);
    }
    return 0;
}
catch (Exception e) when (e is ArgumentException or IOException or InvalidDataException or JsonException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"mlnet: {e.Message.Split('\n')[0]}");
    return 2;
}
