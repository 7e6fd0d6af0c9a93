using static TorchSharp.torch.nn;

namespace Polder.Vision.Models;

/// <summary>A residual block: rectified sum of a branch of convolutions and a shortcut.</summary>
internal abstract class ResidualBlock : Module<Tensor, Tensor>
{
    protected ResidualBlock(string name, IShortcut? shortcut)
        : base(name) => Shortcut = shortcut;

    /// <summary>What carries the input past the branch; null: it goes as it is.</summary>
    public IShortcut? Shortcut { get; }

    /// <summary>The layers of the branch, for whoever writes the block down in another form: a rectifier between two, none after the last.</summary>
    public abstract IReadOnlyList<(Conv2d Convolution, BatchNorm2d Norm)> BranchLayers { get; }

    /// <summary>The branch up to and including the last BatchNorm; the result is a fresh tensor that the block may overwrite.</summary>
    protected abstract Tensor Branch(Tensor input);

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        Tensor sum = Branch(input);
        if (Shortcut is null)
        {
            sum.add_(input);
        }
        else
        {
            using Tensor shortcut = Shortcut.Apply(input);
            sum.add_(shortcut);
        }

        return Layers.ReluInPlace(sum);
    }
}

/// <summary>What carries a block's input past its branch where the shapes differ.</summary>
internal interface IShortcut
{
    /// <summary>The input in the output's shape, a fresh tensor.</summary>
    Tensor Apply(Tensor input);
}

/// <summary>Two 3 x 3 convolutions (He et al. 2016, figure 5 left).</summary>
internal sealed class BasicBlock : ResidualBlock
{
    private readonly Conv2d _first;
    private readonly BatchNorm2d _firstNorm;
    private readonly Conv2d _second;
    private readonly BatchNorm2d _secondNorm;

    public BasicBlock(int input, int output, int stride, IShortcut? shortcut)
        : base(nameof(BasicBlock), shortcut)
    {
        register_module("conv1", _first = Layers.Convolution3(input, output, stride));
        register_module("bn1", _firstNorm = BatchNorm2d(output));
        register_module("conv2", _second = Layers.Convolution3(output, output));
        register_module("bn2", _secondNorm = BatchNorm2d(output));
        if (shortcut is ProjectionShortcut projection)
            register_module("downsample", projection);
    }

    public override IReadOnlyList<(Conv2d Convolution, BatchNorm2d Norm)> BranchLayers => [(_first, _firstNorm), (_second, _secondNorm)];

    protected override Tensor Branch(Tensor input)
    {
        using Tensor hidden = Layers.ConvolutionNormRelu(_first, _firstNorm, input);
        return Layers.ConvolutionNorm(_second, _secondNorm, hidden);
    }
}

/// <summary>1 x 1, 3 x 3 (with the stride, as torchvision has it), 1 x 1 convolutions (He et al. 2016, figure 5 right).</summary>
internal sealed class BottleneckBlock : ResidualBlock
{
    /// <summary>Output channels over the stage's nominal channels.</summary>
    public const int Expansion = 4;

    private readonly Conv2d _reduce;
    private readonly BatchNorm2d _reduceNorm;
    private readonly Conv2d _spatial;
    private readonly BatchNorm2d _spatialNorm;
    private readonly Conv2d _expand;
    private readonly BatchNorm2d _expandNorm;

    public BottleneckBlock(int input, int width, int output, int stride, int groups, IShortcut? shortcut)
        : base(nameof(BottleneckBlock), shortcut)
    {
        register_module("conv1", _reduce = Layers.Convolution1(input, width));
        register_module("bn1", _reduceNorm = BatchNorm2d(width));
        register_module("conv2", _spatial = Layers.Convolution3(width, width, stride, groups));
        register_module("bn2", _spatialNorm = BatchNorm2d(width));
        register_module("conv3", _expand = Layers.Convolution1(width, output));
        register_module("bn3", _expandNorm = BatchNorm2d(output));
        if (shortcut is ProjectionShortcut projection)
            register_module("downsample", projection);
    }

    public override IReadOnlyList<(Conv2d Convolution, BatchNorm2d Norm)> BranchLayers =>
        [(_reduce, _reduceNorm), (_spatial, _spatialNorm), (_expand, _expandNorm)];

    protected override Tensor Branch(Tensor input)
    {
        using Tensor reduced = Layers.ConvolutionNormRelu(_reduce, _reduceNorm, input);
        using Tensor spatial = Layers.ConvolutionNormRelu(_spatial, _spatialNorm, reduced);
        return Layers.ConvolutionNorm(_expand, _expandNorm, spatial);
    }
}

/// <summary>Option B of He et al. 2016: a 1 x 1 convolution with BatchNorm, named <c>0</c> and <c>1</c> as in torchvision's <c>downsample</c>.</summary>
internal sealed class ProjectionShortcut : Module<Tensor, Tensor>, IShortcut
{
    private readonly Conv2d _convolution;
    private readonly BatchNorm2d _norm;

    public ProjectionShortcut(int input, int output, int stride)
        : base(nameof(ProjectionShortcut))
    {
        register_module("0", _convolution = Layers.Convolution1(input, output, stride));
        register_module("1", _norm = BatchNorm2d(output));
    }

    public Conv2d Convolution => _convolution;

    public BatchNorm2d Norm => _norm;

    public override Tensor forward(Tensor input) => Layers.ConvolutionNorm(_convolution, _norm, input);

    public Tensor Apply(Tensor input) => call(input);
}

/// <summary>Option A of He et al. 2016: every second pixel, and channels of zeros, half of them before and half behind: no parameters.</summary>
internal sealed class PaddedShortcut(int padding) : IShortcut
{
    /// <summary>Channels of zeros on each side.</summary>
    public int Padding => padding;

    public Tensor Apply(Tensor input)
    {
        using Tensor even = input.slice(2, 0, input.shape[2], 2);
        using Tensor pixels = even.slice(3, 0, input.shape[3], 2);
        return functional.pad(pixels, [0, 0, 0, 0, padding, padding]);
    }
}
