namespace Polder.Probes;

/// <summary>
/// What one step's antithetic pairs saw of the curvature, without a pass of its own: g+ and g- are the gradients and f+ and f- the losses
/// at W + V and W - V, with V = sigma c U (c = 1 but for a <see cref="Methods.NoiseShape"/>).
/// </summary>
/// <remarks>
/// One step's numbers are noisy: for normal noise the variance of <see cref="Trace"/> is 2 |H|_F^2 / k on a quadratic; use
/// <see cref="Optimization.CurvatureMeter"/>. H is the Hessian of the mini-batch as the step saw it (BatchNorm in training mode).
/// </remarks>
/// <param name="Trace">
/// sum_i V_i (g+ - g-)_i / (2 sigma_i^2), averaged over the pairs, over the weights that have noise: unbiased for the trace of the Hessian of
/// F(W) = E f(W + V); against the Hessian of f its bias is of order sigma^2.
/// </param>
/// <param name="TraceByParameter">The same for each parameter of the space by itself; they add up to <paramref name="Trace"/>.</param>
/// <param name="FrobeniusSquared">
/// |g+ - g-|^2 / (4 sigma^2) over the weights that have noise, averaged over the pairs: |H|_F^2 up to order sigma^2. Large parameters are
/// sampled. null where sigma differs between weights, where the points saw different parts of the batch, and for parameters that are not on the CPU.
/// </param>
/// <param name="LossTrace">
/// (f+ + f- - 2 f) / sigma^2, averaged over the pairs: the trace with half the bias of <paramref name="Trace"/>. null where the step did not
/// evaluate f(W), where sigma differs, and where the points saw different parts of the batch.
/// </param>
/// <param name="Penalty">V'(g+ - g-) / 4, averaged over the pairs: the penalty F - f = (sigma^2 / 2) sum_i c_i^2 H_ii to lowest order.</param>
/// <param name="PairLoss">The mean of f+ and f- over the pairs: an unbiased estimate of F.</param>
/// <param name="Pairs">The number of pairs.</param>
/// <param name="Sigma">The step's sigma.</param>
public sealed record CurvatureSample(
    double Trace, IReadOnlyList<double> TraceByParameter, double? FrobeniusSquared, double? LossTrace, double Penalty, double PairLoss, int Pairs,
    double Sigma);
