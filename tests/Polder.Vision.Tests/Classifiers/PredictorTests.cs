using Polder.Vision.Classifiers;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Tests.Data;

using static TorchSharp.torch;

namespace Polder.Vision.Tests.Classifiers;

public sealed class PredictorTests : IDisposable
{
    private static readonly string[] Classes = ["cat", "dog", "newt"];
    private readonly TemporaryFolder _folder = new();
    private readonly TrainedClassifier _classifier = new(Architectures.Get("resnet20").Build(3, 1), "resnet20", 32, Normalization.ImageNet, Classes);

    public PredictorTests()
    {
        foreach ((int i, string name) in ((string[])["a.png", "b.png", "deep/c.png", "d.png"]).Index())
            _folder.Image(name, 40, 36, (uint)((60 * i << 16) + 0x8000 + 255 - 60 * i));
    }

    private ImageClassifier Model => _classifier.Network;

    public void Dispose()
    {
        _classifier.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Probabilities_are_the_softmax_of_the_evaluation_pass()
    {
        IReadOnlyList<string> files = Predictor.Files([_folder.Path]);
        Assert.Equal(["a.png", "b.png", "d.png", "deep/c.png"], files.Select(f => Path.GetRelativePath(_folder.Path, f)));
        Model.train();
        Prediction[] found = [.. new Predictor(_classifier) { Top = 9, BatchSize = 3 }.Predict(files)];
        Assert.True(Model.training);
        Assert.Equal(files, found.Select(p => p.Path));

        Model.eval();
        var set = new ImageSet([.. files.Select(f => ImageDecoder.Decode(f, 32))], new int[files.Count], Classes, 3, 32, 32);
        using var scope = NewDisposeScope();
        foreach (Batch batch in new Loader(set, new LoaderOptions { BatchSize = 4 }).ForEvaluation())
        {
            double[] expected = nn.functional.softmax(Model.call(batch.Images).to(ScalarType.Float64), 1).detach().reshape(-1).data<double>().ToArray();
            for (int i = 0; i < found.Length; i++)
            {
                Assert.Equal(Classes.Length, found[i].Top.Count);
                Assert.Equal(found[i].Top.OrderByDescending(t => t.Probability), found[i].Top);
                Assert.All(found[i].Top, t => Assert.Equal((expected[3 * i + t.Label], Classes[t.Label]), (t.Probability, t.Class), Close));
            }
        }
    }

    [Fact]
    public void Kept_features_are_what_the_head_saw()
    {
        IReadOnlyList<string> files = Predictor.Files([_folder.Path]);
        Assert.All(new Predictor(_classifier).Predict(files), p => Assert.Null(p.Features));
        using var scope = NewDisposeScope();
        foreach (Prediction found in new Predictor(_classifier) { Top = 9, BatchSize = 3, KeepFeatures = true }.Predict(files))
        {
            double[] expected = nn.functional.softmax(Model.Head.call(tensor(found.Features!.ToArray()).unsqueeze(0)).to(ScalarType.Float64),
                1).detach().reshape(-1).data<double>().ToArray();
            Assert.All(found.Top, t => Assert.Equal(expected[t.Label], t.Probability, 1e-6));
        }
    }

    [Fact]
    public void A_file_that_is_no_image_is_named_or_passed_over()
    {
        string broken = Path.Combine(_folder.Path, "c.png"), foreign = Path.Combine(_folder.Path, "photo.heic");
        File.WriteAllText(broken, "no image");
        File.WriteAllText(foreign, "of a kind that cannot be decoded");
        IReadOnlyList<string> files = Predictor.Files([_folder.Path]);
        Assert.Equal(broken, Assert.Throws<ImageDecodingException>(() => new Predictor(_classifier).Predict(files).ToList()).Path);

        Prediction[] found = [.. new Predictor(_classifier) { SkipUnreadable = true, Top = 1 }.Predict(files)];
        Assert.Equal(6, found.Length);
        Assert.Equal([broken, foreign], found.Where(p => p.Error is not null).Select(p => p.Path));
        Assert.All(found, p => Assert.Equal(p.Error is null ? 1 : 0, p.Top.Count));
    }

    [Fact]
    public void A_path_that_holds_nothing_is_refused()
    {
        Directory.CreateDirectory(Path.Combine(_folder.Path, "empty"));
        Assert.Contains("holds no image", Assert.Throws<DataException>(() => Predictor.Files([Path.Combine(_folder.Path, "empty")])).Message);
        Assert.Contains("no such file", Assert.Throws<DataException>(() => Predictor.Files([Path.Combine(_folder.Path, "no.png")])).Message);
    }

    private static bool Close((double Probability, string Class) x, (double Probability, string Class) y) =>
        x.Class == y.Class && Math.Abs(x.Probability - y.Probability) < 1e-6;
}
