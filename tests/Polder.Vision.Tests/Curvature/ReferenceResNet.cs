using Polder.Testing;
using Polder.Vision.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Curvature;

/// <summary>The ResNet-20 of reference/resnet20: random weights with BatchNorm statistics, and its images.</summary>
internal sealed class ReferenceResNet
{
    public ReferenceResNet(ScalarType type)
    {
        Model = new CifarResNet(20, 10);
        Model.to(type);
        using var noGrad = no_grad();
        foreach ((string name, Tensor tensor) in Model.state_dict())
            if (!name.EndsWith("num_batches_tracked", StringComparison.Ordinal))
                tensor.copy_(Read("w." + name, tensor.shape));
        Inputs = Read("x", 256, 3, 32, 32).to(type);
        Targets = Read("y", 256).to(ScalarType.Int64);
    }

    public CifarResNet Model { get; }

    public Tensor Inputs { get; }

    public Tensor Targets { get; }

    /// <summary>The first examples in batches.</summary>
    public IReadOnlyList<(Tensor, Tensor)> First(int count, int batchSize) =>
        [.. Enumerable.Range(0, count / batchSize).Select(i => (Inputs.narrow(0, i * batchSize, batchSize), Targets.narrow(0, i * batchSize, batchSize)))];

    public static Tensor Read(string file, params long[] shape) =>
        tensor(NpyFile.Read(SharedFiles.Require("reference", "resnet20", file + ".npy")).Values).view(shape);
}
