using Polder.Averaging;
using Polder.Checkpoints;
using Polder.Curvature;
using Polder.Machine;
using Polder.Methods;
using Polder.Methods.Registry;
using Polder.Noise;
using Polder.Optimization;
using TorchSharp;
using static TorchSharp.torch;

const int Epochs = 60, BatchSize = 50;

ProcessSetup.Apply();                                                   // before anything of TorchSharp
set_num_threads(1);                                                     // so small a network gains nothing from more
random.manual_seed(1);                                                  // the weights, the order, dropout
var (points, arms) = Spirals.Draw(500);
var (testPoints, testArms) = Spirals.Draw(2000);

using var model = new Network();
var sgd = optim.SGD(model.parameters(), 0.05, momentum: 0.9, weight_decay: 1e-4);
using var optimizer = new FlatMinimaOptimizer(sgd, new NoiseStability { Sigma = 0.02 }, model, seed: 0);
var schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, Epochs);
var average = new ExponentialMovingAverage(0.99);
optimizer.Hooks.Add(GradientClip.ByNorm(1));                            // the final gradient of a step, once
optimizer.Hooks.Add(average);                                           // after each update

for (int epoch = 1; epoch <= Epochs; epoch++)
{
    using var scope = NewDisposeScope();
    model.train();
    optimizer.Curvature.Reset();
    double loss = 0;
    foreach (Tensor rows in randperm(points.shape[0]).split(BatchSize))
        loss = optimizer.Step(() => nn.functional.cross_entropy(model.call(points[rows]), arms[rows])).Loss;
    schedule.step();
    if (epoch % 20 == 0)
        Console.WriteLine($"epoch {epoch}: loss {loss:F3}, "
            + $"trace of the Hessian {optimizer.Curvature.Trace.Value:F0} +- {optimizer.Curvature.Trace.StandardError:F0}");
}

double Accuracy(Network network)
{
    using var scope = NewDisposeScope();
    using var noGrad = no_grad();
    network.eval();
    return network.call(testPoints).argmax(1).eq(testArms).to(float64).mean().ToDouble();
}

using var averaged = new Network();
average.CopyInto(model, averaged);
BatchNormStatistics.Refresh(averaged, points.split(BatchSize));
Console.WriteLine($"test accuracy {Accuracy(model):P1}, of the averaged weights {Accuracy(averaged):P1}");

Safetensors.Write("model.safetensors", model.state_dict().Select(t => (t.Key, t.Value)));
Safetensors.Write("optimizer.safetensors", optimizer.StateDict().Select(t => (t.Key, t.Value)));

using var again = new Network();
var sgdAgain = optim.SGD(again.parameters(), 0.05, momentum: 0.9, weight_decay: 1e-4);
using var resumed = new FlatMinimaOptimizer(sgdAgain, new NoiseStability { Sigma = 0.02 }, again, seed: 0);
resumed.Hooks.Add(GradientClip.ByNorm(1));
resumed.Hooks.Add(new ExponentialMovingAverage(0.99));                  // the same hooks in the same order
using (Checkpoint weights = Checkpoint.Load("model.safetensors"), state = Checkpoint.Load("optimizer.safetensors"))
{
    weights.Into(again);
    resumed.LoadStateDict(state.Tensors);
}

double NextLoss(FlatMinimaOptimizer of, Network network)
{
    random.manual_seed(2);                                              // dropout draws from torch's generator
    network.train();
    return Enumerable.Range(0, 5).Select(_ => of.Step(() => nn.functional.cross_entropy(network.call(points), arms)).Loss).Last();
}

Console.WriteLine($"the resumed run is the same bit for bit: {NextLoss(resumed, again).Equals(NextLoss(optimizer, model))}");

using var seeded = new Network();
using var replayed = new Network();
replayed.load_state_dict(seeded.state_dict());
int elements = (int)seeded.parameters().Sum(parameter => parameter.numel());
double[,,] values = new double[5, 1, elements];                         // [step, draw, element]
for (int step = 0; step < values.GetLength(0); step++)
    new PhiloxNoise(7).Fill(step, draw: 0, offset: 0, System.Runtime.InteropServices.MemoryMarshal.CreateSpan(ref values[step, 0, 0], elements));

FlatMinimaOptimizer With(Network network, NoiseStream noise) => new(optim.SGD(network.parameters(), 0.05), new NoiseStability { Sigma = 0.02 }, network, noise);
using FlatMinimaOptimizer fromSeed = With(seeded, new PhiloxNoise(7)), fromArray = With(replayed, new FixedNoise(values));
Console.WriteLine($"the same noise from an array is the same run: {NextLoss(fromArray, replayed).Equals(NextLoss(fromSeed, seeded))}");

var hessian = Hessian.Of(model, [(points, arms)], (output, target) => nn.functional.cross_entropy(output, target));
TraceEstimate trace = hessian.Trace(probes: 100);
using Eigenpairs top = hessian.TopEigenvalues(2);
Console.WriteLine($"trace {trace.Value:F1} +- {trace.StandardError:F1}, largest eigenvalues {string.Join(", ", top.Top.Select(pair => $"{pair.Value:F1}"))}");

using var other = new Network();
MethodRegistry.Register(SignAscent.Entry);
var method = MethodRegistry.Named("signascent").Create();
using var ascending = new FlatMinimaOptimizer(optim.SGD(other.parameters(), 0.05, momentum: 0.9), method, other);
for (int step = 0; step < 300; step++)
    ascending.Step(() => nn.functional.cross_entropy(other.call(points), arms));
Console.WriteLine($"test accuracy by a method of one's own {Accuracy(other):P1}");
