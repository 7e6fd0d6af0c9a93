using Polder.Curvature.Estimators;

namespace Polder.Curvature;

/// <summary>Eigenvalues of an operator.</summary>
public static class Eigenvalues
{
    /// <summary>The largest eigenvalues with their vectors.</summary>
    /// <inheritdoc cref="FindEigenvalues"/>
    public static Eigenpairs TopEigenvalues(
        this ILinearOperator @operator, int count, EigenOptions? options = null, CancellationToken cancellation = default) =>
        @operator.FindEigenvalues(EigenOptions.Asking(options, new EigenOptions { Top = count }), cancellation);

    /// <summary>The smallest (most negative) eigenvalues with their vectors.</summary>
    /// <inheritdoc cref="FindEigenvalues"/>
    public static Eigenpairs BottomEigenvalues(
        this ILinearOperator @operator, int count, EigenOptions? options = null, CancellationToken cancellation = default) =>
        @operator.FindEigenvalues(EigenOptions.Asking(options, new EigenOptions { Bottom = count }), cancellation);

    /// <summary>The eigenvalues of the largest absolute value with their vectors.</summary>
    /// <inheritdoc cref="FindEigenvalues"/>
    public static Eigenpairs LargestEigenvalues(
        this ILinearOperator @operator, int count, EigenOptions? options = null, CancellationToken cancellation = default) =>
        @operator.FindEigenvalues(EigenOptions.Asking(options, new EigenOptions { LargestMagnitude = count }), cancellation);

    /// <summary>
    /// Finds eigenvalues at the ends of the spectrum by Lanczos' method with full reorthogonalization and thick restarts (Wu and Simon, 2000).
    /// </summary>
    /// <param name="operator">The matrix.</param>
    /// <param name="options">Which eigenvalues, and when to end.</param>
    /// <param name="cancellation">Stops; what is known then is returned (<see cref="EigenExit.Cancelled"/>).</param>
    /// <returns>Values, residuals and vectors; the caller disposes of it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">More eigenvalues are sought than the matrix has, or an option is out of range.</exception>
    /// <exception cref="OperationCanceledException">It was stopped before anything was known.</exception>
    public static Eigenpairs FindEigenvalues(this ILinearOperator @operator, EigenOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(@operator);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        long most = @operator.Dimension;
        Require.That(options.Wanted <= most, options.Wanted, $"at most the dimension of the matrix, {most}", "the number of eigenvalues sought");
        using var lanczos = new Lanczos(@operator, options);
        return lanczos.Run(cancellation);
    }

    /// <summary>
    /// The eigenvalue of the largest absolute value by power iteration: v becomes A v / ||A v||. It needs some gap / log as many products as
    /// Lanczos needs by the root of that, and is here for comparison.
    /// </summary>
    /// <param name="operator">The matrix.</param>
    /// <param name="options"><see cref="EigenOptions.Tolerance"/>, <see cref="EigenOptions.MaxProducts"/>, seed and progress; null is the defaults.</param>
    /// <param name="cancellation">Stops; what is known then is returned.</param>
    public static Eigenpairs PowerIteration(this ILinearOperator @operator, EigenOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(@operator);
        options = (options ?? new EigenOptions()) with { LargestMagnitude = 1, Top = 0, Bottom = 0 };
        options.Validate();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor vector = new ProbeSource(@operator, options.Seed, NoiseDistribution.Normal, purpose: 1).Next(1).squeeze(0);
        vector = vector.div(vector.norm());
        Eigenpair? pair = null;
        for (int products = 1; ; products++)
        {
            Tensor image;
            try
            {
                image = @operator.MultiplyVector(vector, cancellation);
            }
            catch (OperationCanceledException) when (pair is not null && cancellation.IsCancellationRequested)
            {
                return Result(products - 1, EigenExit.Cancelled);
            }
            double value = vector.dot(image).ToDouble(), residual = image.sub(vector.mul(Number(value))).norm().ToDouble(), length = image.norm().ToDouble();
            bool converged = residual <= options.Tolerance * Math.Abs(value);
            pair = new Eigenpair(value, residual, converged || length == 0);
            options.Progress?.Report(new EigenProgress(products, [pair]));
            if (pair.Converged || products == options.MaxProducts)
                return Result(products, pair.Converged ? EigenExit.Converged : EigenExit.Budget);
            Tensor next = image.div(Number(length));
            image.Dispose();
            vector.Dispose();
            vector = next;
        }

        Eigenpairs Result(int products, EigenExit exit) => new([pair], [], vector.unsqueeze(0).DetachFromDisposeScope(), products, exit);
    }

    /// <summary>
    /// What the reference implementation of NSO reports as "lambda_1": power iteration whose vector is normalized layer by layer, and the sum of
    /// the layers' Rayleigh quotients v_l^T (H v)_l. It is not an eigenvalue of the matrix or of a block, and is here to compare with published figures.
    /// </summary>
    /// <param name="operator">The matrix.</param>
    /// <param name="layers">The layers.</param>
    /// <param name="maxProducts">The most products; at least 1.</param>
    /// <param name="tolerance">Ends when the sum changes by less than this share.</param>
    /// <param name="seed">The seed of the start.</param>
    /// <param name="cancellation">Stops.</param>
    public static double SumOfLayerRayleighQuotients(
        this ILinearOperator @operator, IReadOnlyList<ParameterBlock> layers, int maxProducts = 100, double tolerance = 1e-3, long seed = 0,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(@operator);
        ArgumentNullException.ThrowIfNull(layers);
        Require.AtLeast(maxProducts, 1);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor vector = Normalized(new ProbeSource(@operator, seed, NoiseDistribution.Normal, purpose: 1).Next(1).squeeze(0));
        double? last = null;
        for (int product = 1; ; product++)
        {
            Tensor image = @operator.MultiplyVector(vector, cancellation);
            double sum = 0;
            foreach (ParameterBlock layer in layers)
            {
                using var pass = NewDisposeScope();
                sum += vector.narrow(0, layer.Offset, layer.Count).dot(image.narrow(0, layer.Offset, layer.Count)).ToDouble();
            }
            if (product == maxProducts || (last is { } before && Math.Abs(sum - before) < tolerance * (Math.Abs(before) + 1e-6)))
                return sum;
            last = sum;
            vector.Dispose();
            vector = Normalized(image);
        }

        Tensor Normalized(Tensor whole)
        {
            using var pass = NewDisposeScope();
            Tensor result = zeros_like(whole);
            foreach (ParameterBlock layer in layers)
            {
                Tensor part = whole.narrow(0, layer.Offset, layer.Count);
                result.narrow(0, layer.Offset, layer.Count).copy_(part.div(part.norm().add(Number(1e-6))));
            }
            return result.MoveToOuterDisposeScope();
        }
    }
}
