using CsCheck;
using Polder.Methods;
using Polder.Noise;
using Polder.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Properties;

/// <summary>What a random network is made from; two of the same recipe are the same numbers.</summary>
/// <param name="Widths">Inputs, hidden layers, outputs.</param>
/// <param name="Gelu">GELU between the layers, else tanh.</param>
/// <param name="Rows">Rows of the batch.</param>
/// <param name="Seed">The seed of weights and batch.</param>
public sealed record NetworkRecipe(int[] Widths, bool Gelu, int Rows, int Seed)
{
    public static Gen<NetworkRecipe> Any { get; } = Gen.Select(
        Gen.Int[1, 5].Array[2, 4], Gen.Bool, Gen.Int[1, 7], Gen.Int[0, 1_000_000], (widths, gelu, rows, seed) => new NetworkRecipe(widths, gelu, rows, seed));

    /// <summary>The same for everyone, with at least one hidden layer: statistics are judged on cases that do not change from run to run.</summary>
    public static NetworkRecipe Numbered(uint number)
    {
        Gen<int> wide = Gen.Int[2, 4];
        return Gen.Select(wide.Array[3, 4], Gen.Int[2, 6], Gen.Int[0, 1_000_000],
            (widths, rows, seed) => new NetworkRecipe(widths, number % 2 == 0, rows, seed))
            .Generate(new PCG(number, 2024), null, out _);
    }

    public override string ToString() => $"[{string.Join(", ", Widths)}] {(Gelu ? "gelu" : "tanh")}, {Rows} rows, seed {Seed}";
}

/// <summary>A float64 perceptron of random weights with the mean square error on a random batch; tensors live in the caller's dispose scope.</summary>
internal sealed class RandomNetwork
{
    private readonly NetworkRecipe _recipe;
    private readonly Tensor _inputs, _targets;

    public RandomNetwork(NetworkRecipe recipe)
    {
        _recipe = recipe;
        var random = new Random(recipe.Seed);
        // A copy, since a tensor of an array lies where the array does, and products of matrices are rounded by how their memory is aligned: two networks
        // of one recipe shall compute the same bits.
        Tensor Draw(params long[] shape) =>
            tensor([.. Enumerable.Range(0, (int)shape.Aggregate((a, b) => a * b)).Select(_ => (random.NextDouble() * 2) - 1)], shape).clone();
        for (int layer = 1; layer < recipe.Widths.Length; layer++)
        {
            Parameters.Add(new Parameter(Draw(recipe.Widths[layer], recipe.Widths[layer - 1])));
            Parameters.Add(new Parameter(Draw(recipe.Widths[layer])));
        }
        _inputs = Draw(recipe.Rows, recipe.Widths[0]);
        _targets = Draw(recipe.Rows, recipe.Widths[^1]);
    }

    /// <summary>Weight and bias, layer by layer.</summary>
    public List<Parameter> Parameters { get; } = [];

    public int Dimension => Parameters.Sum(p => (int)p.numel());

    public double[] Weights => [.. Parameters.SelectMany(p => p.data<double>().ToArray())];

    public Tensor Loss() => Loss(Outputs());

    /// <summary>A step on the batch, with outputs and loss apart where the method takes them so.</summary>
    /// <param name="optimizer">Takes it.</param>
    /// <param name="evaluated">Called after the network, in every pass.</param>
    public StepResult Take(FlatMinimaOptimizer optimizer, Action? evaluated = null)
    {
        return optimizer.Method.TakesOutputs
            ? optimizer.Step(_recipe.Rows, _ => Seen(Outputs()), (outputs, _) => Loss(outputs))
            : optimizer.Step(() => Seen(Loss()));

        Tensor Seen(Tensor value)
        {
            evaluated?.Invoke();
            return value;
        }
    }

    private Tensor Outputs()
    {
        Tensor hidden = _inputs;
        for (int i = 0; i < Parameters.Count; i += 2)
            hidden = Activate(hidden.mm(Parameters[i].t()).add(Parameters[i + 1]), i);
        return hidden;
    }

    private Tensor Loss(Tensor outputs) => outputs.sub(_targets).pow(2).mean();

    /// <summary>The loss at many points at once: <paramref name="points"/> [n, dimension], the result [n].</summary>
    public Tensor LossAt(Tensor points)
    {
        long count = points.shape[0];
        Tensor hidden = _inputs.unsqueeze(0).expand(count, -1, -1);
        long offset = 0;
        for (int i = 0; i < Parameters.Count; i += 2)
        {
            long[] shape = Parameters[i].shape;
            Tensor weight = points.narrow(1, offset, shape[0] * shape[1]).reshape(count, shape[0], shape[1]);
            Tensor bias = points.narrow(1, offset + (shape[0] * shape[1]), shape[0]).unsqueeze(1);
            hidden = Activate(hidden.bmm(weight.transpose(1, 2)).add(bias), i);
            offset += (shape[0] * shape[1]) + shape[0];
        }
        return hidden.sub(_targets).pow(2).mean([1L, 2L]);
    }

    /// <summary>The gradient of each of <paramref name="steps"/> steps at the same weights, elements in the order of <see cref="Weights"/>.</summary>
    public double[][] Gradients(IGradientMethod method, NoiseStream noise, int steps = 1)
    {
        var reader = new GradientReader();
        using var optimizer = new FlatMinimaOptimizer(optim.SGD(Parameters, 0), method, noise: noise);
        optimizer.Hooks.Add(reader);
        for (int step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            Take(optimizer);
        }
        return [.. reader.Seen.Select(blocks => blocks.SelectMany(block => block).ToArray())];
    }

    private Tensor Activate(Tensor values, int parameter) =>
        parameter + 2 == Parameters.Count ? values : _recipe.Gelu ? nn.functional.gelu(values) : values.tanh();
}

/// <summary>Keeps what the base optimizer would see, block by block in its own order.</summary>
internal sealed class GradientReader : IUpdateHook
{
    public List<double[][]> Seen { get; } = [];

    public void BeforeUpdate(UpdateContext context) => Seen.Add([.. context.Gradient.Blocks.Select(block => block.data<double>().ToArray())]);
}
