namespace Polder.Methods;

/// <summary>A method that keeps a normal distribution of the weights around W, from which networks can be drawn.</summary>
public interface IPosteriorMethod : IGradientMethod
{
    /// <summary>The standard deviation of every weight.</summary>
    /// <param name="state">What the method remembers.</param>
    /// <param name="deviations">Receives them.</param>
    void PosteriorDeviations(MethodState state, ParameterVector deviations);

    /// <summary>The method's own estimate of the trace of the Hessian of the mean loss; NaN where it has none.</summary>
    /// <param name="state">What the method remembers.</param>
    double HessianTrace(MethodState state) => double.NaN;
}
