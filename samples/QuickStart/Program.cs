// The README's sample: fine-tune a network on twenty labelled images a class with noise stability optimization.
// begin
using Polder.Methods;
using Polder.Optimization;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Training;
using static TorchSharp.torch;

DataSplits data = Digits.Upper().Split(new SplitOptions { PerClass = 20 });     // or ImageFolder.Load("photos")
using var model = new SmallConvNet(classes: 5);                                  // or ResNet.ResNet18(classes: 12), and
                                                                                 // Checkpoint.Load("resnet18.safetensors").Into(model, strict: false);
var loader = new Loader(data.Train, new LoaderOptions { BatchSize = 20, Normalization = Normalization.ImageNetGray });
var sgd = optim.SGD(model.parameters(), 0.05, momentum: 0.9, weight_decay: 1e-4);
using var optimizer = new FlatMinimaOptimizer(sgd, new NoiseStability { Sigma = 0.02, Pairs = 1 }, model, seed: 0);

for (int epoch = 0; epoch < 30; epoch++)
    foreach (var (images, labels) in loader)
        optimizer.step(() => nn.functional.cross_entropy(model.forward(images), labels));

var test = new Loader(data.Test, loader.Options);
Console.WriteLine($"test accuracy {EvaluationResult.Of(model, test).Accuracy:P1}");
// end
