namespace Polder.Curvature.Estimators;

/// <summary>The search for eigenvalues at the ends of the spectrum: grow a Krylov basis, look at its Ritz pairs, restart with the best of them.</summary>
internal sealed class Lanczos : IDisposable
{
    private const long MostBytes = 1L << 31;
    private const int UsualSize = 100;

    private readonly ILinearOperator _operator;
    private readonly EigenOptions _options;
    private readonly Subspace _subspace;
    private readonly int _size;
    private double[] _values = [];
    private Tensor? _coordinates;
    private Eigenpair[] _pairs = [];
    private int[] _wanted = [];

    public Lanczos(ILinearOperator @operator, EigenOptions options)
    {
        (_operator, _options) = (@operator, options);
        long bytes = 2 * @operator.Dimension * (@operator.DataType == ScalarType.Float64 ? 8 : 4);
        int usual = Math.Max((2 * options.Wanted) + 20, (int)Math.Min(Math.Max(UsualSize, 4 * options.Wanted), MostBytes / bytes));
        _size = (int)Math.Min(options.SubspaceSize ?? usual, @operator.Dimension);
        _subspace = new Subspace(@operator, options.Seed);
    }

    public Eigenpairs Run(CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                if (_subspace.Count == _size && !_subspace.IsWhole)
                    Restart();
                bool grown = _subspace.AddKrylov(cancellation);
                Examine();
                _options.Progress?.Report(new EigenProgress(_subspace.Products, _pairs));
                if (!grown || _subspace.IsWhole)
                    return Result(EigenExit.Exact);
                if (_pairs.Length == _options.Wanted && Array.TrueForAll(_pairs, p => p.Converged))
                    return Result(EigenExit.Converged);
                if (_subspace.Products >= _options.MaxProducts)
                    return Result(EigenExit.Budget);
            }
        }
        catch (OperationCanceledException) when (_pairs.Length > 0 && cancellation.IsCancellationRequested)
        {
            return Result(EigenExit.Cancelled);
        }
    }

    public void Dispose()
    {
        _subspace.Dispose();
        _coordinates?.Dispose();
    }

    // Ritz values and vectors of the basis, and the residuals of those that are sought.
    private void Examine()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        (Tensor values, Tensor coordinates) = linalg.eigh(_subspace.Projected());
        _coordinates?.Dispose();
        _coordinates = coordinates.DetachFromDisposeScope();
        _values = values.data<double>().ToArray();
        _wanted = Pick(_options.Top, _options.Bottom, _options.LargestMagnitude);
        double scale = _values.Max(Math.Abs);
        Tensor rows = coordinates.index_select(1, tensor(_wanted)).t().to(_operator.DataType).to(_operator.Device);
        Tensor residuals = rows.mm(_subspace.Images).sub(
            rows.mm(_subspace.Basis).mul(tensor(_wanted.Select(i => _values[i]).ToArray()).to(_operator.DataType).to(_operator.Device).unsqueeze(1)));
        double[] norms = residuals.to(ScalarType.Float64).pow(Number(2)).sum(1).sqrt().cpu().data<double>().ToArray();
        _pairs = [.. _wanted.Select((index, i) => new Eigenpair(_values[index], norms[i], norms[i] <= _options.Tolerance * scale))];
    }

    // Indices into the ascending values: the largest first, then the smallest; fewer where the basis is still small.
    private int[] Pick(int top, int bottom, int magnitude)
    {
        int count = _values.Length;
        if (magnitude > 0)
            return [.. Enumerable.Range(0, count).OrderByDescending(i => Math.Abs(_values[i])).Take(magnitude)];
        int high = Math.Min(top, count), low = Math.Min(bottom, count - high);
        return [.. Enumerable.Range(0, high).Select(i => count - 1 - i), .. Enumerable.Range(0, low)];
    }

    // Keeps more Ritz vectors than are sought: their neighbours make the next ones converge faster.
    private void Restart()
    {
        using var scope = NewDisposeScope();
        int extra = Math.Max(0, (_size - _options.Wanted - 3) / 3);
        bool both = _options.Top > 0 && _options.Bottom > 0;
        int[] keep = Pick(
            _options.Top == 0 ? 0 : _options.Top + (both ? extra / 2 : extra),
            _options.Bottom == 0 ? 0 : _options.Bottom + (both ? extra / 2 : extra),
            _options.LargestMagnitude == 0 ? 0 : _options.LargestMagnitude + extra);
        _subspace.Rotate(_coordinates!.index_select(1, tensor(keep)));
    }

    private Eigenpairs Result(EigenExit exit)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor rows = _coordinates!.index_select(1, tensor(_wanted)).t().to(_operator.DataType).to(_operator.Device);
        // A stop between the growth of the basis and its examination leaves coordinates of the basis before.
        Tensor vectors = rows.mm(_subspace.Basis.narrow(0, 0, rows.shape[1])).DetachFromDisposeScope();
        int top = _pairs.Length - Math.Min(_options.Bottom, Math.Max(0, _pairs.Length - _options.Top - _options.LargestMagnitude));
        Eigenpair[] pairs = exit == EigenExit.Exact ? Array.ConvertAll(_pairs, p => p with { Converged = true }) : _pairs;
        return new Eigenpairs(pairs[..top], pairs[top..], vectors, _subspace.Products, exit);
    }
}
