using static TorchSharp.torch.nn;

namespace Polder.Vision.Models;

/// <summary>The few layers that all networks here are made of.</summary>
internal static class Layers
{
    /// <summary>A 3 x 3 convolution without bias (BatchNorm follows), size kept at stride 1.</summary>
    public static Conv2d Convolution3(int input, int output, int stride = 1, int groups = 1) =>
        Conv2d(input, output, 3, stride: stride, padding: 1, groups: groups, bias: false);

    /// <summary>A 1 x 1 convolution without bias.</summary>
    public static Conv2d Convolution1(int input, int output, int stride = 1) => Conv2d(input, output, 1, stride: stride, bias: false);

    /// <summary>
    /// Convolution, then BatchNorm; the intermediate is given back at once. While curvature is measured, with the running statistics, the two
    /// are one convolution, and BatchNorm's second derivative, many passes over tensors of the output's size, drops out.
    /// </summary>
    public static Tensor ConvolutionNorm(Conv2d convolution, BatchNorm2d norm, Tensor input)
    {
        if (LossMeasurement.IsUnderWay && !norm.training)
            return FoldedConvolutionNorm(convolution, norm, input);
        using Tensor output = Convolve(convolution, input);
        return norm.call(output);
    }

    /// <summary>
    /// A convolution in the type of its input (<see cref="InputForm"/>): the weights stay what they are, and their gradient has their own type.
    /// BatchNorm after it takes its mean and variance in float32, whatever the type.
    /// </summary>
    public static Tensor Convolve(Conv2d convolution, Tensor input)
    {
        bool tiny = TinyMapConvolution.Suits(convolution, input);
        if (convolution.weight.dtype == input.dtype)
            return tiny ? TinyMapConvolution.Convolve(convolution, input, convolution.weight, convolution.bias) : convolution.call(input);
        using Tensor weight = convolution.weight.to(input.dtype);
        using Tensor? bias = convolution.bias?.to(input.dtype);
        if (tiny)
            return TinyMapConvolution.Convolve(convolution, input, weight, bias);
        return functional.conv2d(input, weight, bias, convolution.stride, convolution.padding, convolution.dilation, convolution.groups);
    }

    /// <summary>A linear layer in the type of its input; what it gives has the type of its weights.</summary>
    public static Tensor Apply(Linear linear, Tensor input)
    {
        if (linear.weight.dtype == input.dtype)
            return linear.call(input);
        using Tensor weight = linear.weight.to(input.dtype);
        using Tensor? bias = linear.bias?.to(input.dtype);
        using Tensor output = functional.linear(input, weight, bias);
        return output.to(linear.weight.dtype);
    }

    // (conv(x, W) - m) s + b with s = w / sqrt(v + eps) is conv(x, s W) + (b - m s). The shift is not the convolution's bias: only
    // convolutions without one are checked for errors of this processor (ConvolutionCheck).
    private static Tensor FoldedConvolutionNorm(Conv2d convolution, BatchNorm2d norm, Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor scale = norm.weight!.mul(norm.running_var!.add(Number(norm.eps)).rsqrt());
        Tensor shift = norm.bias!.sub(norm.running_mean!.mul(scale));
        Tensor weight = convolution.weight.mul(scale.view(-1, 1, 1, 1));
        Tensor output = functional.conv2d(input, weight, null, convolution.stride, convolution.padding, convolution.dilation, convolution.groups);
        return output.add_(shift.view(-1, 1, 1)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Convolution, BatchNorm, rectifier. The rectifier works in place: BatchNorm's backward needs its input, not its output, and the
    /// rectifier's needs its own output, so first and second derivatives are those of the form with a copy.
    /// </summary>
    public static Tensor ConvolutionNormRelu(Conv2d convolution, BatchNorm2d norm, Tensor input) => ReluInPlace(ConvolutionNorm(convolution, norm, input));

    /// <summary>Rectifies in place and returns the same tensor: the caller has one wrapper to dispose of.</summary>
    public static Tensor ReluInPlace(Tensor tensor) => tensor.relu_();

    /// <summary>Applies an activation; the input is given back, the rectifier works in place.</summary>
    public static Tensor Activate(Activation activation, Tensor tensor)
    {
        if (activation == Activation.Relu)
            return ReluInPlace(tensor);
        using Tensor input = tensor;
        return activation switch
        {
            Activation.Gelu => functional.gelu(input),
            Activation.Softplus => functional.softplus(input),
            _ => input.tanh(),
        };
    }

    /// <summary>The mean over height and width: N x C x H x W to N x C. It is taken in float32 where the input has fewer bits.</summary>
    public static Tensor GlobalAverage(Tensor input)
    {
        if (input.dtype != ScalarType.BFloat16)
            return input.mean([2L, 3L]);
        using Tensor mean = input.mean([2L, 3L], type: ScalarType.Float32);
        return mean.to(ScalarType.BFloat16);
    }
}
