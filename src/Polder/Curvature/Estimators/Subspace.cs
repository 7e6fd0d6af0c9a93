namespace Polder.Curvature.Estimators;

/// <summary>
/// An orthonormal basis Q, one vector a row, with its products A Q: what Lanczos, Hutch++ and deflation build. Both are kept, so that
/// Rayleigh quotients, residuals and projections cost no further products and hold in float32, too.
/// </summary>
internal sealed class Subspace : IDisposable
{
    private readonly ILinearOperator _operator;
    private readonly ProbeSource _random;
    private Tensor _basis, _images;
    private Tensor? _pending; // where Lanczos goes next: the last image without what the basis holds of it

    public Subspace(ILinearOperator @operator, long seed, int capacity = 16)
    {
        _operator = @operator;
        _random = new ProbeSource(@operator, seed, NoiseDistribution.Normal, purpose: 1);
        (_basis, _images) = (Allocate(capacity), Allocate(capacity));
    }

    public int Count { get; private set; }

    /// <summary>Products so far.</summary>
    public long Products { get; private set; }

    /// <summary>[count, d], a view.</summary>
    public Tensor Basis => _basis.narrow(0, 0, Count);

    /// <summary>A times each basis vector, [count, d], a view.</summary>
    public Tensor Images => _images.narrow(0, 0, Count);

    public bool IsWhole => Count == _operator.Dimension;

    /// <summary>
    /// One step of Lanczos' method with full reorthogonalization, from a random start. Where the Krylov space ends (an invariant
    /// subspace) it goes on with a random vector, so that repeated eigenvalues are found.
    /// </summary>
    /// <returns>False where the basis spans the whole space.</returns>
    public bool AddKrylov(CancellationToken cancellation)
    {
        if (IsWhole)
            return false;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor? next = _pending;
        for (int attempt = 0; next is null; attempt++)
        {
            if (attempt == 10)
                throw new ArithmeticException("no further direction is found: the products are not those of a symmetric matrix, or not finite");
            next = Orthonormalize(_random.Next(1).squeeze(0));
        }
        Tensor image = _operator.Multiply(next.unsqueeze(0), cancellation).squeeze(0);
        Append(next, image);
        Products++;
        _pending?.Dispose();
        _pending = IsWhole ? null : Orthonormalize(image)?.DetachFromDisposeScope();
        return true;
    }

    /// <summary>Adds the directions of <paramref name="candidates"/> that are new, with their products; returns how many those are.</summary>
    public int AddRange(Tensor candidates, int atOnce, CancellationToken cancellation)
    {
        using var noGrad = no_grad();
        int before = Count;
        int added = 0;
        using (var scope = NewDisposeScope())
        {
            for (int i = 0; i < candidates.shape[0] && !IsWhole; i++)
            {
                using var pass = NewDisposeScope();
                if (Orthonormalize(candidates[i]) is not { } next)
                    continue;
                Append(next, null);
                added++;
            }
            try
            {
                for (int start = before; start < Count; start += atOnce)
                {
                    using var pass = NewDisposeScope();
                    int count = Math.Min(atOnce, Count - start);
                    _images.narrow(0, start, count).copy_(_operator.Multiply(_basis.narrow(0, start, count), cancellation));
                    Products += count;
                }
            }
            catch
            {
                Count = before;
                throw;
            }
        }
        return added;
    }

    /// <summary>Q A Q^T, [count, count], float64, symmetric; of the current dispose scope.</summary>
    public Tensor Projected()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor matrix = Basis.mm(Images.t()).to(ScalarType.Float64).cpu();
        return matrix.add(matrix.t()).mul(Number(0.5)).MoveToOuterDisposeScope();
    }

    /// <summary>The trace of Q A Q^T, summed in float64.</summary>
    public double Trace()
    {
        if (Count == 0)
            return 0;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return Basis.mul(Images).sum(ScalarType.Float64).ToDouble();
    }

    /// <summary>Replaces the basis by combinations of it: <paramref name="combination"/> is [count, kept] with orthonormal columns (a restart).</summary>
    public void Rotate(Tensor combination)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor rows = combination.t().to(_operator.DataType).to(_operator.Device);
        Tensor basis = rows.mm(Basis), images = rows.mm(Images);
        Count = (int)rows.shape[0];
        Basis.copy_(basis);
        Images.copy_(images);
        // The rotation keeps the basis orthonormal up to rounding, and the next direction orthogonal to it.
        if (_pending is not null)
        {
            Tensor? pending = Orthonormalize(_pending)?.DetachFromDisposeScope();
            _pending.Dispose();
            _pending = pending;
        }
    }

    /// <summary>P A P v for rows v with their products w: what deflation leaves of a product. P takes the basis out.</summary>
    public Tensor Deflate(Tensor vectors, Tensor products)
    {
        if (Count == 0)
            return products;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor rest = products.sub(vectors.mm(Basis.t()).mm(Images));
        return rest.sub(rest.mm(Basis.t()).mm(Basis)).MoveToOuterDisposeScope();
    }

    /// <summary>A P v for rows v with their products w.</summary>
    public Tensor ProductWithoutBasis(Tensor vectors, Tensor products)
    {
        if (Count == 0)
            return products;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return products.sub(vectors.mm(Basis.t()).mm(Images)).MoveToOuterDisposeScope();
    }

    /// <summary>The diagonal of A - P A P, [d], float64: what deflation takes out, exactly.</summary>
    public Tensor DeflatedDiagonal()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor sum = zeros([_operator.Dimension], ScalarType.Float64, _operator.Device);
        if (Count > 0)
        {
            Tensor projected = Projected().to(_operator.DataType).to(_operator.Device);
            sum.add_(Basis.mul(Images.mul(Number(2)).sub(projected.mm(Basis))).sum(0, type: ScalarType.Float64));
        }
        return sum.MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _basis.Dispose();
        _images.Dispose();
        _pending?.Dispose();
        _pending = null;
    }

    // Twice is enough (Kahan and Parlett): the second pass takes out what rounding left in the first. Null where nothing new is left.
    private Tensor? Orthonormalize(Tensor vector)
    {
        using var scope = NewDisposeScope();
        double before = vector.norm().ToDouble();
        if (!(before > 0) || !double.IsFinite(before))
            return null;
        Tensor rest = vector.div(Number(before));
        for (int pass = 0; pass < 2 && Count > 0; pass++)
            rest = rest.sub(Basis.t().mv(Basis.mv(rest)));
        double left = rest.norm().ToDouble();
        double nothing = _operator.DataType == ScalarType.Float64 ? 1e-13 : 3e-6;
        if (left < nothing)
            return null;
        rest = rest.div(Number(left));
        if (left < 0.5 && Count > 0)
        {
            rest = rest.sub(Basis.t().mv(Basis.mv(rest)));
            rest = rest.div(rest.norm());
        }
        return rest.MoveToOuterDisposeScope();
    }

    private void Append(Tensor vector, Tensor? image)
    {
        if (Count == _basis.shape[0])
            Grow();
        _basis[Count].copy_(vector);
        if (image is not null)
            _images[Count].copy_(image);
        Count++;
    }

    private void Grow()
    {
        int capacity = (int)Math.Min(2L * _basis.shape[0], _operator.Dimension);
        (Tensor basis, Tensor images) = (Allocate(capacity), Allocate(capacity));
        using (var scope = NewDisposeScope())
        {
            basis.narrow(0, 0, Count).copy_(Basis);
            images.narrow(0, 0, Count).copy_(Images);
        }
        _basis.Dispose();
        _images.Dispose();
        (_basis, _images) = (basis, images);
    }

    private Tensor Allocate(int capacity)
    {
        using var noGrad = no_grad();
        long rows = Math.Min(Math.Max(1, capacity), _operator.Dimension);
        return zeros([rows, _operator.Dimension], _operator.DataType, _operator.Device).DetachFromDisposeScope();
    }
}
