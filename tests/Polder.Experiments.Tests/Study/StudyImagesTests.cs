using Polder.Experiments.Study;
using Polder.Vision.Data;
using Polder.Vision.Recipes;
using SkiaSharp;

namespace Polder.Experiments.Tests.Study;

public sealed class StudyImagesTests : IDisposable
{
    private const int Side = 16, Count = 20, Bytes = Count * 3 * Side * Side;
    private readonly string _root = Directory.CreateTempSubdirectory("polder-images-").FullName;
    private readonly List<string> _read = [];

    public StudyImagesTests()
    {
        foreach (int set in Enumerable.Range(0, 3))
            foreach (int image in Enumerable.Range(0, Count))
            {
                string folder = Directory.CreateDirectory(Path.Combine(_root, $"{set}", image % 2 == 0 ? "dark" : "light")).FullName;
                using var bitmap = new SKBitmap(Side, Side);
                bitmap.Erase(new SKColor(0xff000000 + (uint)(0x500000 * set) + (uint)(0x0701 * image)));
                File.WriteAllBytes(Path.Combine(folder, $"{image}.png"), bitmap.Encode(SKEncodedImageFormat.Png, 100).ToArray());
            }
    }

    [Theory]
    [InlineData(3 * Bytes, "0 1 2")]
    [InlineData(2 * Bytes, "0 1 2 0 1 2")]
    [InlineData(0, "0 1 2 0 1 2 1")]
    public void Where_there_is_no_room_what_was_not_asked_for_longest_is_decoded_again(long mostBytes, string decoded)
    {
        using var images = new StudyImages(_root, new Relay<string>(line => _read.Add(line[..line.IndexOf(':')])), mostBytes);
        byte[][] first = [.. Enumerable.Range(0, 3).Select(set => PixelsOf(images, set))];
        Assert.Equal(3, first.DistinctBy(Convert.ToHexString).Count());
        foreach (int set in (int[])[0, 0, 1, 2, 1])
            Assert.Equal(first[set], PixelsOf(images, set));
        Assert.Equal(decoded, string.Join(' ', _read));
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private static byte[] PixelsOf(StudyImages images, int set)
    {
        var recipe = new Recipe { Data = new() { Source = $"{set}" }, Start = new() { Architecture = "resnet20", ImageSize = Side } };
        using RecipeTask task = images.Open(recipe, TestContext.Current.CancellationToken);
        using FineTuningStart start = task.Prepare(0);
        ImageSet train = start.Splits.Train;
        return [.. Enumerable.Range(0, train.Count).SelectMany(i => train.Pixels(i).ToArray())];
    }
}
