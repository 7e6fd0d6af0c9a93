namespace Polder.Vision.Models;

/// <summary>
/// The start of a network as a function of one seed: convolutions normal with variance 2 / (out channels x kernel area / groups) (He et al. 2015,
/// fan-out), BatchNorm weight 1 and bias 0, linear layers uniform in +-1/sqrt(in features).
/// </summary>
public static class Initialization
{
    /// <summary>Draws every parameter of the module and of its children in their order, and resets running statistics.</summary>
    /// <param name="module">Any module; layers of other kinds keep what they have.</param>
    /// <param name="seed">The seed; the library's global generator is neither used nor moved.</param>
    public static void Apply(nn.Module module, long seed)
    {
        ArgumentNullException.ThrowIfNull(module);
        using var generator = new Generator((ulong)seed);
        foreach (nn.Module child in module.modules())
        {
            switch (child)
            {
                case Conv2d convolution:
                    Convolution(convolution, generator);
                    break;
                case BatchNorm2d norm:
                    norm.reset_running_stats();
                    using (no_grad())
                    {
                        norm.weight?.fill_(Number(1));
                        norm.bias?.fill_(Number(0));
                    }

                    break;
                case Linear linear:
                    Linear(linear, generator);
                    break;
            }
        }
    }

    internal static void Linear(Linear layer, Generator generator)
    {
        using DisposeScope scope = NewDisposeScope();
        using var guard = no_grad();
        double bound = 1 / Math.Sqrt(layer.in_features);
        layer.weight!.uniform_(-bound, bound, generator);
        layer.bias?.uniform_(-bound, bound, generator);
    }

    private static void Convolution(Conv2d layer, Generator generator)
    {
        using DisposeScope scope = NewDisposeScope();
        using var guard = no_grad();
        // weight: out x (in / groups) x height x width, so one group's share of the outputs is out / groups.
        long[] shape = layer.weight!.shape;
        double fanOut = (double)shape[0] / layer.groups * shape[2] * shape[3];
        layer.weight.normal_(0, Math.Sqrt(2 / fanOut), generator);
        layer.bias?.zero_();
    }
}
