namespace Polder.Onnx.Exporting;

/// <summary>A convolution and the BatchNorm behind it as one convolution.</summary>
internal static class FoldedNorm
{
    /// <summary>
    /// The weights and the bias: (conv(x, W) + b - m) s + c with s = w / sqrt(v + eps) is conv(x, s W) + (c + (b - m) s). In double, since single adds an
    /// error of its own; the results are float32 and the caller's scope's.
    /// </summary>
    /// <param name="weight">The convolution's weights W, output channels first.</param>
    /// <param name="bias">Its bias b; null: none.</param>
    /// <param name="scale">The norm's weight w.</param>
    /// <param name="shift">The norm's bias c.</param>
    /// <param name="mean">The running mean m.</param>
    /// <param name="variance">The running variance v.</param>
    /// <param name="epsilon">What is added to the variance.</param>
    public static (Tensor Weight, Tensor Bias) Of(
        Tensor weight, Tensor? bias, Tensor scale, Tensor shift, Tensor mean, Tensor variance, double epsilon)
    {
        using IDisposable noGrad = no_grad();
        Tensor factor = Double(scale) / (Double(variance) + epsilon).sqrt();
        Tensor folded = Double(weight) * factor.view([-1, .. Enumerable.Repeat(1L, (int)weight.dim() - 1)]);
        Tensor centre = bias is null ? -Double(mean) : Double(bias) - Double(mean);
        return (folded.to(ScalarType.Float32), (Double(shift) + (centre * factor)).to(ScalarType.Float32));

        static Tensor Double(Tensor value) => value.to(ScalarType.Float64);
    }
}
