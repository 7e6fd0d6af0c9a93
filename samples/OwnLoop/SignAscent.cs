using Polder.Methods;
using Polder.Methods.Registry;
using Polder.Probes;
using static TorchSharp.torch;

// SAM in the largest-element norm: the gradient at W + rho sign(g), with g the gradient at W.
internal sealed record SignAscent(double Rho) : IGradientMethod
{
    public static MethodEntry Entry { get; } = new(
        "signascent", "SAM in the largest-element norm", a => new SignAscent(a.Number("rho")), StandardOptions.Rho(0.002))
    {
        Passes = "2",
        PassesPerStep = 2,
        ExtraParameterBuffers = 1,
        Source = "",
    };

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
