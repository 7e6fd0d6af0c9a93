namespace Polder.Experiments.Theory;

/// <summary>
/// What is proved of mean_t E |grad F(W_t)|^2 over T steps W &lt;- W - eta g with E g = grad F and Var g at most v, for C-smooth F with F(W0) - min F = D^2
/// (method.md derives it).
/// </summary>
/// <param name="Smoothness">C.</param>
/// <param name="Height">D^2.</param>
/// <param name="Variance">v.</param>
/// <param name="Steps">T.</param>
public sealed record DescentBound(double Smoothness, double Height, double Variance, int Steps)
{
    /// <summary>The step size that the bound asks for: min(1/C, sqrt(2 D^2 / (C v T))).</summary>
    public double StepSize => Math.Min(1 / Smoothness, Math.Sqrt(2 * Height / (Smoothness * Variance * Steps)));

    /// <summary>sqrt(C D^2 v / T), the unit of the constants.</summary>
    public double Unit => Math.Sqrt(Smoothness * Height * Variance / Steps);

    /// <summary>The bound at the best step size: 2 sqrt 2 sqrt(C D^2 v / T) + 2 C D^2 / T.</summary>
    public double Upper => (2 * Math.Sqrt(2) * Unit) + (2 * Smoothness * Height / Steps);

    /// <summary>Below so many steps the best step size is 1/C: 2 C D^2 / v.</summary>
    public double Crossover => 2 * Smoothness * Height / Variance;

    /// <summary>The bound at a step size of at most 1/C: 2 D^2 / (eta T) + eta C v.</summary>
    /// <param name="stepSize">eta.</param>
    public double UpperAt(double stepSize) => (2 * Height / (stepSize * Steps)) + (stepSize * Smoothness * Variance);
}
