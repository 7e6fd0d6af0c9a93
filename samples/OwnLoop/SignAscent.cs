using Polder.Methods;
using Polder.Probes;
using static TorchSharp.torch;

// SAM in the largest-element norm: the gradient at W + rho sign(g), with g the gradient at W.
internal sealed record SignAscent(double Rho) : IGradientMethod
{
    public string Name => "signascent";

    public int GradientEvaluations => 2;

    public void Validate() => ArgumentOutOfRangeException.ThrowIfNegative(Rho);

    public void ComputeGradient(MethodContext context)
    {
        context.Run(Probe.Centre());
        foreach (Tensor block in context.Gradient.Blocks)
            block.sign_();
        context.Run(Probe.Along(context.Gradient, Rho));
    }
}
