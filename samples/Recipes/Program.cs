// What the program does, from code: a fine-tuning, what was trained, and a comparison that a method of one's own takes part in.
using Polder.Curvature;
using Polder.Experiments.Comparison;
using Polder.Statistics;
using Polder.Vision.Classifiers;
using Polder.Vision.Recipes;
using Polder.Vision.Training;
using TorchSharp;

torch.set_num_threads(1);
string folder = Directory.CreateTempSubdirectory("polder-recipes-").FullName, run = Path.Combine(folder, "run");

// Everything that makes a training; what is not said is what network and data are trained with.
var recipe = new Recipe
{
    Data = new DataRecipe { Source = "digits" },     // or "photos", with Start = new StartRecipe { Weights = "resnet20.th", Architecture = "resnet20" }
    Method = MethodChoice.Create("nso", new Dictionary<string, object> { ["sigma"] = 0.02, ["pairs"] = 2 }),
    Training = new TrainingOptions { Epochs = 10 },
    Seed = 1,
};
using FineTuningResult result = recipe.Run(run);
Console.WriteLine($"test accuracy {result.Test.Accuracy:P1}");

// What was trained, from its run folder or from a checkpoint: judged, measured, used.
using TrainedClassifier classifier = TrainedClassifier.Open(run);
EvaluationResult again = classifier.Evaluate(result.Splits.Test);
TraceEstimate trace = new Hessian(classifier.CrossEntropy(result.Splits.Train)).Trace(probes: 40);
Console.WriteLine($"again {again.Accuracy:P1}, trace of the Hessian {trace.Value:G3} +- {trace.StandardError:G2}");

// The run repeats from its folder.
using FineTuningResult repeated = RunFolder.Open(run).ReadRecipe().Run();
Console.WriteLine($"the same run: {repeated.Test.Loss == result.Test.Loss}");

// A comparison over seeds, from the same starts; a method of one's own is an entry like any other.
using RecipeTask task = recipe.Open();
var study = new ComparisonStudy(task, [MethodChoice.Create("base"), MethodChoice.Create(SignAscent.Entry)]);
ComparisonResult comparison = study.Execute([0, 1, 2, 3, 4]);
foreach ((MethodRuns runs, PairedDifference? difference) in comparison.Methods.Zip(comparison.Differences()))
{
    string against = runs == comparison.Reference ? "" : $", {100 * difference!.Mean:+0.0;-0.0} points, p {difference.PHolm:F3}";
    Console.WriteLine($"{runs.Label} {runs.TestAccuracy.Mean:P1}{against}");
}

Directory.Delete(folder, recursive: true);
