namespace Polder.Vision.Models;

/// <summary>What follows the convolutions of a <see cref="SmallConvNet"/>.</summary>
public enum Activation
{
    /// <summary>max(x, 0): a kink at 0.</summary>
    Relu,

    /// <summary>x times the normal distribution function of x (Hendrycks and Gimpel, 2016): smooth.</summary>
    Gelu,

    /// <summary>ln(1 + exp x): smooth.</summary>
    Softplus,

    /// <summary>tanh x: smooth and bounded.</summary>
    Tanh,
}
