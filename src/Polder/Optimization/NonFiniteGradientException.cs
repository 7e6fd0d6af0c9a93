namespace Polder.Optimization;

/// <summary>A loss or a gradient was not finite; the weights are as before the step.</summary>
public sealed class NonFiniteGradientException : ArithmeticException
{
    /// <summary>Makes the exception with a default message.</summary>
    public NonFiniteGradientException()
        : base("a loss or gradient is not finite")
    {
    }

    /// <summary>Makes the exception.</summary>
    public NonFiniteGradientException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception.</summary>
    public NonFiniteGradientException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    internal NonFiniteGradientException(long step, IReadOnlyList<double> losses, double gradientNorm)
        : base($"step {step}: loss {string.Join(", ", losses)}, gradient norm {gradientNorm}: lower the learning rate, sigma or rho, or check the data")
    {
    }
}
