using System.Text.Json.Nodes;
using Polder.Experiments.Comparison;
using Polder.Experiments.Study;
using Polder.Vision.Data;

namespace Polder.Experiments.Tests.Study;

public class StudyDesignFileTests
{
    internal const string Whole = """
        {
          "study": "a look", "about": "words",
          "settings": { "epochs": 2, "batchSize": 10, "keep": "last" },
          "tasks": [ { "name": "few", "data": "digits", "shots": 3, "figure": "macroF1" }, { "name": "more", "data": "digits", "shots": 5 } ],
          "methods": [
            { "name": "sgd", "method": "base" },
            { "name": "longer", "method": "base", "epochs": 3, "tune": false, "learningRate": 0.1 },
            { "name": "nso", "tune": { "sigma": [0.02, 0.01] } }
          ],
          "tuning": { "seeds": "100", "learningRates": [0.1, 0.2], "rateFactors": [0.5], "extensions": 1, "perTask": true },
          "seeds": [0, 1],
          "curvature": { "seeds": "1", "samples": 10, "maxProducts": 20, "atBestEpoch": true, "radius": 0.05 },
          "bound": { "seeds": "0", "sigmas": [0.05, 0.2], "draws": 3, "products": 20 },
          "questions": [
            { "method": "nso", "with": ["sgd", "longer"], "equivalenceMargin": 1 }, { "name": "with few", "method": "nso", "with": ["sgd"], "tasks": ["few"] }
          ],
          "contrasts": [ { "name": "what length brings", "weights": { "longer": 1, "sgd": -0.5, "nso": -0.5 } } ]
        }
        """;

    [Fact]
    public void A_plan_is_read_as_it_says()
    {
        StudyDesign design = Parse(Whole);
        Assert.Equal(("a look", 2, 3), (design.Name, design.Tasks.Count, design.Entries.Count));
        Assert.Equal([0, 1], design.Seeds);
        Assert.Equal([100], design.Tuning!.Seeds);
        Assert.Equal([0.01, 0.02], design.Entries[2].Grid!.Values);
        Assert.Equal((true, false, true), (design.Entries[0].IsTuned, design.Entries[1].IsTuned, design.Entries[2].IsTuned));
        Assert.Equal(("macroF1", null), (design.Tasks[0].Figure, design.Tasks[1].Figure));
        Assert.Equal(0.01, design.Questions[0].Margin!.Value / 100);
        Assert.Equal(("", null, "with few"), (design.Questions[0].Name, design.Questions[0].Tasks, design.Questions[1].Name));
        Assert.Equal(["few"], design.Questions[1].Tasks!);
        Assert.Equal((true, 0.05), (design.Curvature!.Options.AtBestEpoch, design.Curvature.Options.Radius));
        Assert.Equal((Augmentation.None, false), (design.Curvature.Options.Augmentation, design.Curvature.Options.AllParameters));
        Assert.Null(design.Curvature.Options.ToJson()["augment"]);
        WeightCurvatureOptions wider = Parse(Whole.Replace(
            "\"radius\": 0.05", "\"augment\": \"crop-flip\", \"allParameters\": true", StringComparison.Ordinal)).Curvature!.Options;
        Assert.Equal((Augmentation.CropFlip, true), (wider.Augmentation, wider.AllParameters));
        Assert.Equal(("crop-flip", true), ((string)wider.ToJson()["augment"]!, (bool)wider.ToJson()["allParameters"]!));
        Assert.Equal([0], design.Bound!.Seeds);
        Assert.Equal([0.05, 0.2], design.Bound.Options.Sigmas);
        Assert.Equal((3, 20), (design.Bound.Options.Draws, design.Bound.Options.Products));
        Assert.Equal([("longer", 1), ("sgd", -0.5), ("nso", -0.5)], design.Contrasts[0].Weights);
        var (recipe, method) = new StudySetting(design.Entries[2], 0.2, 0.01).On(design, design.Tasks[1]);
        Assert.Equal((5, 2, 10, 0.2), (recipe.Data.Shots, recipe.Training.Epochs, recipe.Training.BatchSize, recipe.Training.LearningRate));
        Assert.Equal(("nso", 0.01), (method.Name, method.Options["sigma"]));
        // What a method says goes before what its task or the plan says.
        Assert.Equal(3, new StudySetting(design.Entries[1]).On(design, design.Tasks[0]).Recipe.Training.Epochs);
    }

    [Theory]
    [InlineData("\"study\": \"a look\"", "\"study\": 3", "plan.json: study: found 3, allowed: a text")]
    [InlineData("\"about\": \"words\"", "\"abuot\": \"words\"", "plan.json: abuot: found \"words\", allowed: no such member; there are study, about")]
    [InlineData("\"epochs\": 2", "\"epoch\": 2", "settings.epoch: found 2, allowed: a setting of polder compare")]
    [InlineData("\"epochs\": 2", "\"refit\": \"all\"", "settings.refit: found \"all\", allowed: a setting of polder compare")]
    [InlineData("\"epochs\": 2", "\"epochs\": -2", "plan.json: epochs: found -2, allowed: a whole number >= 0")]
    [InlineData("\"shots\": 3", "\"shot\": 3", "tasks[0].shot: found 3, allowed: no such setting")]
    [InlineData("\"macroF1\"", "\"f1\"", "tasks[0].figure: found \"f1\", allowed: balancedAccuracy")]
    [InlineData("\"name\": \"more\"", "\"name\": \"few\"", "tasks: found the name few twice")]
    [InlineData("\"method\": \"base\", \"epochs\"", "\"method\": \"bass\", \"epochs\"", "methods[1].method: found \"bass\", allowed: base, wp, nso")]
    [InlineData("{ \"sigma\": [0.02, 0.01] }", "{ \"rho\": [0.02, 0.01] }", "methods[2].tune: found {\"rho\":[0.02,0.01]}, allowed: an option of nso: sigma")]
    [InlineData("[0.02, 0.01]", "[0.02]", "methods[2].tune.sigma: found [0.02], allowed: at least 2 distinct number(s) > 0")]
    [InlineData("[0.02, 0.01]", "[0.02, 0.02]", "methods[2].tune.sigma: found [0.02,0.02], allowed: distinct numbers")]
    [InlineData("\"seeds\": \"100\"", "\"seeds\": \"0\"", "tuning.seeds: found 0, allowed: seeds that are not reported on")]
    [InlineData("\"seeds\": [0, 1]", "\"seeds\": [0, -1]", "plan.json: seeds: found [0,-1], allowed: distinct whole numbers >= 0")]
    [InlineData("\"seeds\": \"1\"", "\"seeds\": \"2\"", "curvature.seeds: found 2, allowed: some of 0,1")]
    [InlineData("[\"sgd\", \"longer\"]", "[\"sgd\", \"shorter\"]", "questions[0].with: found \"shorter\", allowed: a method of the plan: sgd, longer, nso")]
    [InlineData("[\"sgd\", \"longer\"]", "[\"nso\"]", "questions[0].with: found \"nso\", allowed: other methods")]
    [InlineData("\"tasks\": [\"few\"]", "\"tasks\": [\"fewer\"]", "questions[1].tasks: found \"fewer\", allowed: a task of the plan: few, more")]
    [InlineData("\"tasks\": [\"few\"]", "\"tasks\": []", "questions[1].tasks: found [], allowed: names of tasks of the plan: few, more")]
    [InlineData("\"name\": \"with few\", ", "", "questions[1].name: found nothing, allowed: a text")]
    [InlineData("\"rateFactors\": [0.5]", "\"rateFactor\": [0.5]", "tuning.rateFactor: found [0.5], allowed: no such member")]
    [InlineData("\"keep\": \"last\"", "\"keep\": \"last\", \"patience\": 1", "sgd on few: patience: found 1, allowed: none with keep last")]
    [InlineData("\"seeds\": \"0\"", "\"seeds\": \"2\"", "bound.seeds: found 2, allowed: some of 0,1")]
    [InlineData("\"products\": 20", "\"products\": 19", "bound.products: found 19, allowed: a whole number >= 20")]
    [InlineData("\"radius\": 0.05", "\"radius\": 0", "curvature.radius: found 0, allowed: a number > 0")]
    [InlineData("\"radius\": 0.05", "\"augment\": \"crop\"", "curvature.augment: found \"crop\", allowed: none, flip, crop-flip, resized-crop")]
    [InlineData("\"maxProducts\": 20", "\"maxProducts\": 19", "curvature.maxProducts: found 19, allowed: a whole number >= 20")]
    [InlineData("\"longer\": 1,", "\"long\": 1,", "contrasts[0].weights.long: found nothing, allowed: a method of the plan: sgd, longer, nso")]
    [InlineData("\"longer\": 1,", "\"longer\": \"much\",", "contrasts[0].weights.longer: found \"much\", allowed: a number")]
    [InlineData("\"tuning\": {", "\"budget\": \"seconds\", \"tuning\": {", "budget: found \"seconds\", allowed: epochs, gradients")]
    public void What_is_wrong_is_said_with_its_place(string right, string wrong, string message)
    {
        Assert.Contains(right, Whole);
        Assert.Contains(message, Assert.Throws<DataException>(() => Parse(Whole.Replace(right, wrong))).Message);
    }

    [Fact]
    public void A_file_that_is_no_plan_is_refused()
    {
        string path = Path.GetTempFileName();
        try
        {
            foreach ((string text, string message) in ((string, string)[])
                [("[]", "is no JSON object"), ("{", "is no plan of a study"), ("{\"a\":1,\"a\":2}", "is no plan")])
            {
                File.WriteAllText(path, text);
                DataException thrown = Assert.Throws<DataException>(() => StudyDesignFile.Read(path));
                Assert.Contains(message, thrown.Message);
                Assert.StartsWith(path, thrown.Message);
            }
        }
        finally
        {
            File.Delete(path);
        }
        Assert.Contains("there is no such file", Assert.Throws<DataException>(() => StudyDesignFile.Read(path)).Message);
        Assert.Contains("is a folder", Assert.Throws<DataException>(() => StudyDesignFile.Read(Path.GetTempPath())).Message);
    }

    internal static StudyDesign Parse(string plan) => StudyDesignFile.Parse(JsonNode.Parse(plan)!.AsObject(), "plan.json");
}
