using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Polder.EndToEnd;

/// <summary>A run remembers its images: what becomes of the data afterwards never makes a test image of one that was trained on, and is said.</summary>
public sealed class RunImagesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-images-").FullName;
    private readonly string _data, _run;

    public RunImagesTests()
    {
        _data = MiniatureImages.Write(Path.Combine(_folder, "photos"), classes: 3, perClass: 10);
        _run = Path.Combine(_folder, "run");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private (int Code, string Output, string Error) Polder(params string[] arguments) => PolderProcess.RunIn(_folder, [.. arguments, "--quiet"]);

    private void Train(params string[] more)
    {
        var (code, _, error) = Polder([.. Training, "--out", _run, .. more]);
        Assert.Equal((0, ""), (code, error));
    }

    private static string[] Training => ["finetune", "--data", "photos", "--arch", "resnet20", "--method", "base", "--epochs", "2", "--batch-size", "8"];

    // Whether it measures at all, and on which images, is what is asked here.
    private static string[] Briefly => ["--samples", "5", "--sigmas", "0.01", "--draws", "2", "--probes", "0"];

    private string Photo(int seed, string name)
    {
        var random = new Random(seed);
        string path = Path.Combine(_data, name);
        File.WriteAllBytes(path, MiniatureImages.Bitmap(() => (byte)random.Next(256)));
        return path;
    }

    private (JsonNode Json, string Error) Evaluate(params string[] more)
    {
        (int code, string output, string error) = Polder(["evaluate", "--run", _run, "--json", "-", .. more]);
        Assert.True(code == 0, error);
        return (JsonNode.Parse(output)!, error);
    }

    [Fact]
    public void Photos_that_come_or_are_renamed_after_the_training_change_no_number_of_its_test_images()
    {
        Train();
        (JsonNode before, string silent) = Evaluate();
        Assert.Equal("", silent);
        for (int i = 0; i < 20; i++)
            Photo(i, $"class{i % 3}/0{i % 10}-new{i}.bmp");
        File.Move(Path.Combine(_data, "class1", "03.bmp"), Path.Combine(_data, "class1", "z.bmp"));
        foreach (string[] more in (string[][])[[], ["--data", "photos"], ["--data", _data], ["--image-size", "32"]])
        {
            (JsonNode after, string error) = Evaluate(more);
            foreach (string measure in (string[])["accuracy", "loss", "count", "confusionMatrix"])
                Assert.Equal(before[measure]!.ToJsonString(), after[measure]!.ToJsonString());
            Assert.Contains("20 image(s) were added since the run and are in none of its parts: class0/00-new0.bmp, ", error);
            Assert.Contains("1 image(s) were renamed since the run and are in their parts: class1/03.bmp (now class1/z.bmp)", error);
        }
        Assert.Equal(50, (int)Evaluate("--split", "all").Json["count"]!);
        var (code, _, refused) = Polder("evaluate", "--run", _run, "--seed", "7");
        Assert.Equal(2, code);
        Assert.StartsWith("polder: --seed: found 7, allowed: 0, or none", refused);
        // A training that goes on has its own images in its own order.
        byte[] weights = File.ReadAllBytes(Path.Combine(_run, "best.safetensors"));
        (code, _, string resumed) = Polder("finetune", "--resume", _run);
        Assert.True(code == 0, resumed);
        Assert.Contains("20 image(s) were added", resumed);
        Assert.Equal(weights, File.ReadAllBytes(Path.Combine(_run, "best.safetensors")));
        (code, _, string measured) = Polder("hessian", "--run", _run, "--top", "1", "--bottom", "0", "--trace", "none", "--samples", "5");
        Assert.Equal(0, code);
        Assert.Contains("20 image(s) were added", measured);
    }

    [Fact]
    public void A_training_does_not_go_on_without_its_images()
    {
        Train();
        string[] files = Directory.GetFiles(Path.Combine(_data, "class0"));
        foreach (string file in files)
            Photo(1, Path.GetRelativePath(_data, file));
        (int code, _, string error) = Polder("finetune", "--resume", _run);
        Assert.Equal(2, code);
        Assert.Matches("8 training or validation image\\(s\\) of the run were removed or changed, .*: class0/0\\d.bmp, ", error);
        Assert.Contains("10 image(s) were changed since the run", Evaluate().Error);
    }

    [Fact]
    public void A_prediction_says_what_it_was_trained_on()
    {
        Train();
        string mine = Path.Combine(_folder, "mine");
        Directory.CreateDirectory(mine);
        foreach (string file in Directory.GetFiles(Path.Combine(_data, "class2")))
            File.Copy(file, Path.Combine(mine, "copy-" + Path.GetFileName(file)));
        (int code, _, string error) = Polder("predict", mine, "--run", _run);
        Assert.Equal(0, code);
        Assert.Matches("6 of 10 image\\(s\\) were trained on, and tell nothing of new ones: .*copy-0\\d.bmp", error);
        // Other data, which has some of the run's images: none that was trained or chosen on is a test image.
        string other = MiniatureImages.Write(Path.Combine(_folder, "other"), classes: 3, perClass: 40);
        foreach (string file in Directory.GetFiles(_data, "*", SearchOption.AllDirectories).Where(f => f.Contains("class2", StringComparison.Ordinal)).Take(4))
            File.Copy(file, Path.Combine(other, "class2", "run-" + Path.GetFileName(file)));
        Assert.Matches("of 25 test image\\(s\\) are left out, since the run was trained or chosen on them", Evaluate("--data", "other").Error);
    }

    [Fact]
    public void Data_is_found_from_where_the_run_was_begun_and_other_data_of_its_name_is_noticed()
    {
        Train();
        JsonNode before = Evaluate().Json;
        string elsewhere = Path.Combine(_folder, "elsewhere");
        Directory.CreateDirectory(elsewhere);
        (int code, string output, string error) = PolderProcess.RunIn(elsewhere, "evaluate", "--run", _run, "--json", "-");
        Assert.Equal(0, code);
        Assert.Contains($"photos: not here, so looked for where the run was begun: {_data}", error);
        Assert.Equal(before["loss"]!.ToJsonString(), JsonNode.Parse(output)!["loss"]!.ToJsonString());
        Assert.Equal(0, PolderProcess.RunIn(elsewhere, "finetune", "--resume", _run, "--quiet").ExitCode);
        Assert.Equal(0, PolderProcess.RunIn(elsewhere, ["stability", "--run", _run, .. Briefly, "--quiet"]).ExitCode);

        Directory.Move(_data, _data + "-away");
        (code, _, error) = PolderProcess.RunIn(elsewhere, "evaluate", "--run", _run, "--quiet");
        Assert.Equal(2, code);
        Assert.StartsWith($"polder: {_data}: there is no such folder", error);

        string same = MiniatureImages.Write(Path.Combine(elsewhere, "photos"), classes: 3, perClass: 12);
        foreach (string file in Directory.GetFiles(same, "*", SearchOption.AllDirectories))
            File.AppendAllText(file, "x");
        (code, _, error) = PolderProcess.RunIn(elsewhere, "evaluate", "--run", _run, "--quiet");
        Assert.Equal(2, code);
        Assert.Contains($"polder: {same}: holds none of the run's test images, which were in {_data}", error);
    }

    [Fact]
    public void A_run_goes_on_when_its_start_weights_are_gone_or_others()
    {
        Train();
        string start = Path.Combine(_folder, "start.safetensors"), whole = Path.Combine(_folder, "whole"), cut = Path.Combine(_folder, "cut");
        File.Move(Path.Combine(_run, "best.safetensors"), start);
        string[] command = [.. Training, "--weights", start, "--epochs", "4", "--distance-penalty", "0.5", "--distance-radius", "0.3", "--seed", "3",
            "--threads", "1"];
        command = [.. command.Where((_, i) => i is not (7 or 8))];
        Assert.Equal(0, Polder([.. command, "--out", whole]).Code);
        KillWhen(() => File.Exists(Path.Combine(cut, "metrics.jsonl")), [.. command, "--out", cut]);
        File.Delete(start);
        (int code, _, string error) = Polder("finetune", "--resume", cut);
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(File.ReadAllBytes(Path.Combine(whole, "best.safetensors")), File.ReadAllBytes(Path.Combine(cut, "best.safetensors")));
    }

    [Fact]
    public void A_run_that_kept_no_images_says_so()
    {
        Train();
        JsonNode before = Evaluate().Json;
        File.Delete(Path.Combine(_run, "images.json.gz"));
        (JsonNode after, string error) = Evaluate();
        Assert.Equal(before["loss"]!.ToJsonString(), after["loss"]!.ToJsonString());
        Assert.Matches("^polder: warning: .* does not know its images .*: its parts are cut anew, right if the data is as it was\n$", error);
    }

    [Fact]
    public void A_class_that_came_after_the_training_is_left_out_and_counted()
    {
        Train();
        JsonNode before = Evaluate().Json;
        Directory.CreateDirectory(Path.Combine(_data, "another"));
        for (int i = 0; i < 3; i++)
            Photo(i, $"another/{i}.bmp");
        (JsonNode after, string error) = Evaluate();
        Assert.Equal(before["confusionMatrix"]!.ToJsonString(), after["confusionMatrix"]!.ToJsonString());
        Assert.Contains("photos: 3 image(s) of another, which the run did not know, are left out", error);
        byte[] weights = File.ReadAllBytes(Path.Combine(_run, "best.safetensors"));
        (int code, _, string resumed) = Polder("finetune", "--resume", _run);
        Assert.True(code == 0, resumed);
        Assert.Contains("3 image(s) of another", resumed);
        Assert.Equal(weights, File.ReadAllBytes(Path.Combine(_run, "best.safetensors")));
    }

    [Fact]
    public void Images_are_judged_that_have_some_of_the_classes_or_a_test_part_alone()
    {
        Train();
        string some = MiniatureImages.Write(Path.Combine(_folder, "some", "test"), classes: 2, perClass: 4);
        string weights = Path.Combine(_run, "best.safetensors");
        foreach ((string data, string[] more, int[] counts) in new (string, string[], int[])[]
        {
            (Path.GetDirectoryName(some)!, [], [4, 4, 0]), (some, ["--split", "all"], [4, 4, 0]), (some, [], [1, 1, 0]),
            (Path.Combine(_folder, "photos"), ["--split", "all"], [10, 10, 10]),
        })
        {
            var (code, output, error) = PolderProcess.RunIn(_folder, ["evaluate", "--weights", weights, "--data", data, "--json", "-", .. more]);
            Assert.True(code == 0, error);
            Assert.Equal(counts, JsonNode.Parse(output)!["confusionMatrix"]!.AsArray().Select(row => row!.AsArray().Sum(n => (int)n!)));
            Assert.Equal(counts[2] == 0, error.Contains("has images of class0, class1, of the 3 classes of", StringComparison.Ordinal));
            Assert.Equal(counts[0] == 1, error.Contains("2 of 8 images are judged, the test part that seed 0 cuts (--split all judges every image)",
                StringComparison.Ordinal));
        }
        // What is measured is measured on those images, too.
        (int measured, _, string why) = Polder(["stability", "--weights", weights, "--data", some, "--split", "all", .. Briefly]);
        Assert.True(measured == 0, why);
        (measured, _, why) = Polder("hessian", "--weights", weights, "--data", Path.GetDirectoryName(some)!);
        Assert.Equal((2, "polder: some: has no train images: it has a test part alone\n"), (measured, why));
    }

    [Fact]
    public void A_run_that_still_trains_is_not_resumed_beside_it()
    {
        using Process training = PolderProcess.StartDotNet(
            [PolderProcess.Program, .. Training.Select(word => word == "2" ? "2000" : word), "--out", _run, "--quiet"], _folder, threads: 1);
        while (!File.Exists(Path.Combine(_run, "metrics.jsonl")) && !training.WaitForExit(10))
        {
        }
        (int code, _, string error) = Polder("finetune", "--resume", _run);
        bool trains = !training.HasExited;
        training.Kill();
        training.WaitForExit();
        Assert.True(trains, "it was done before it could be asked for twice");
        Assert.Equal(2, code);
        Assert.StartsWith($"polder: {_run}: is being trained by another process", error);
        Assert.Equal(error.Length - 1, error.IndexOf('\n'));
    }

    private void KillWhen(Func<bool> reached, string[] command)
    {
        using Process process = PolderProcess.StartDotNet([PolderProcess.Program, .. command, "--quiet"], _folder, threads: 1);
        while (!reached() && !process.WaitForExit(1))
        {
        }
        Assert.False(process.HasExited, "it was done before it could be killed");
        process.Kill();
        process.WaitForExit();
    }
}
