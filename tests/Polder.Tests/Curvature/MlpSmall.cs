using System.Text.Json;
using Polder.Curvature;
using Polder.Objectives;
using Polder.Testing;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Curvature;

/// <summary>The 64-32-10 tanh network of reference/mlpsmall with its 256 samples, in float64.</summary>
internal sealed class MlpSmall
{
    private const string Folder = "mlpsmall";

    public MlpSmall(ScalarType type = ScalarType.Float64)
    {
        Module = nn.Sequential(
            ("pred_head_1", nn.Linear(64, 32)), ("tanh", nn.Tanh()), ("pred_head_2", nn.Linear(32, 10)));
        Module.to(type);
        using (no_grad())
            foreach ((string name, Parameter parameter) in Module.named_parameters())
                parameter.copy_(Read("w." + name, parameter.shape));
        Inputs = Read("x", 256, 64).to(type);
        Targets = Read("y", 256).to(ScalarType.Int64);
        Values = JsonDocument.Parse(File.ReadAllText(SharedFiles.Require("reference", Folder, "values.json"))).RootElement;
    }

    public Sequential Module { get; }

    public Tensor Inputs { get; }

    public Tensor Targets { get; }

    public JsonElement Values { get; }

    /// <summary>The Hessian, the batch cut into unequal parts.</summary>
    public Hessian Hessian(EmpiricalLossOptions? options = null, long batchSize = 100) =>
        Polder.Curvature.Hessian.Of(Module, Parts(batchSize), CrossEntropy, options);

    public IReadOnlyList<(Tensor, Tensor)> Parts(long size) =>
        [.. Enumerable.Range(0, (int)((256 + size - 1) / size)).Select(i => (i * size, Math.Min(size, 256 - (i * size))))
            .Select(part => (Inputs.narrow(0, part.Item1, part.Item2), Targets.narrow(0, part.Item1, part.Item2)))];

    public static Tensor CrossEntropy(Tensor outputs, Tensor targets) => nn.functional.cross_entropy(outputs, targets);

    public static Tensor Read(string file, params long[] shape) =>
        tensor(NpyFile.Read(SharedFiles.Require("reference", Folder, file + ".npy")).Values).view(shape);
}
