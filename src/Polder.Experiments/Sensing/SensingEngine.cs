using System.Numerics;

namespace Polder.Experiments.Sensing;

/// <summary>
/// Sums of squared residuals and gradients of many points U_p of one set of measurements, from one pass over its memory. The rows are cut into
/// <see cref="Shards"/> parts, each with its own gradient; idle threads take the next part, and the parts are added in their order, so the result does not
/// depend on the number of threads, nor on how busy a core is.
/// </summary>
internal sealed unsafe class SensingEngine<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>More points than this are evaluated in several passes: their gradients would leave the second-level cache.</summary>
    public const int MaximumPoints = 32;

    private const int Shards = 8;

    private readonly SensingKernel<T> _kernel;
    private readonly Measurements<T> _set;
    private readonly ParallelOptions _parallel;
    private readonly int _lines; // of a d x d matrix, padded to whole tiles
    private readonly int _pitch; // elements from line to line of a d x d matrix

    private int _capacity;
    private AlignedBuffer<T> _weights = null!; // U_p
    private AlignedBuffer<T> _products = null!; // d x d scratch: U^T, then G
    private AlignedBuffer<T> _results = null!; // d x d scratch: U U^T, then G U
    private AlignedBuffer<T> _points = null!; // packed U U^T
    private AlignedBuffer<T> _targetScales = null!;
    private AlignedBuffer<double> _squares = null!; // [shard, point]
    private AlignedBuffer<T>? _gradients; // packed, [shard, point]; made when first asked for

    public SensingEngine(Measurements<T> set, int threads, SensingKernel<T>? kernel = null)
    {
        _set = set;
        _kernel = kernel ?? SensingKernel<T>.Widest;
        _parallel = new ParallelOptions { MaxDegreeOfParallelism = threads };
        _lines = Up(set.Dimension, SensingKernel<T>.TileRows);
        _pitch = Up(set.Dimension, SensingKernel<T>.Alignment);
        Reserve(2);
    }

    public Measurements<T> Set => _set;

    /// <summary>Elements from line to line of <see cref="Weights"/> and <see cref="Result"/>.</summary>
    public int Pitch => _pitch;

    private int Matrix => _lines * _pitch;

    /// <summary>Makes room for <paramref name="points"/> points; what was there is lost when there was less.</summary>
    /// <param name="points">At most <see cref="MaximumPoints"/>.</param>
    public void Reserve(int points)
    {
        if (points <= _capacity)
            return;
        _capacity = points;
        _weights = new AlignedBuffer<T>(points * Matrix);
        // Both scratch matrices are square with padded sides, since a transposed U has U's columns as lines.
        _products = new AlignedBuffer<T>(points * Math.Max(Matrix, _pitch * _pitch));
        _results = new AlignedBuffer<T>(points * Matrix);
        _points = new AlignedBuffer<T>((long)points * _set.Stride);
        _targetScales = new AlignedBuffer<T>(points);
        _squares = new AlignedBuffer<double>(Shards * points);
        _gradients = null;
    }

    /// <summary>U_p, d lines <see cref="Pitch"/> apart: written by the caller before a pass; what lies beyond d stays zero.</summary>
    /// <param name="point">p.</param>
    public T* Weights(int point) => _weights.Pointer + ((long)point * Matrix);

    /// <summary>(sum_i r_ip A_i) U_p after <see cref="Evaluate"/> with gradients, laid out as <see cref="Weights"/>.</summary>
    /// <param name="point">p.</param>
    public T* Result(int point) => _results.Pointer + ((long)point * Matrix);

    /// <summary>y += alpha x for whole matrices in this engine's layout.</summary>
    public void Add(T alpha, T* x, T* y) => _kernel.Add(alpha, x, y, Matrix);

    /// <summary>
    /// sum_i r_ip^2 of the points whose U_p were written, and, with <paramref name="gradients"/>, their <see cref="Result"/>.
    /// </summary>
    /// <param name="points">How many points, at most what was reserved.</param>
    /// <param name="gradients">Whether results are wanted.</param>
    /// <param name="squares">The sums, one a point.</param>
    /// <param name="prepare">Called before the pass for each of <paramref name="groups"/>, on any thread, to write the U_p.</param>
    /// <param name="groups">How many independent calls of <paramref name="prepare"/>.</param>
    public void Evaluate(int points, bool gradients, Span<double> squares, Action<int>? prepare = null, int groups = 0)
    {
        if (prepare is not null)
            Each(groups, prepare);
        new Span<T>(_targetScales.Pointer, points).Fill(T.One);
        Each(points, p => Square(p, p));
        Pass(points, gradients, squares);
        if (gradients)
            Each(points, p => Finish(p, p));
    }

    /// <summary>
    /// The two halves of a Hessian-vector product at U = point 0 in the direction V = point 1 (both written by the caller): after it <see cref="Result"/> 0 is
    /// (sum_i dr_i A_i) U with dr_i = &lt;A_i, U V^T + V U^T&gt;, and <see cref="Result"/> 1 is (sum_i r_i A_i) V.
    /// </summary>
    public void EvaluateDirection()
    {
        Reserve(2);
        Square(0, 0);
        // (U + V)(U + V)^T - (U - V)(U - V)^T = 2 (U V^T + V U^T) would lose digits; the product is formed as it stands.
        T* left = Weights(0), right = Weights(1), product = Result(1);
        Transpose(right, Scratch(1));
        _kernel.Multiply(left, Scratch(1), product, _pitch, _lines, _set.Dimension, _pitch, lowerOnly: false);
        for (int line = 0; line < _set.Dimension; line++)
        {
            for (int column = 0; column <= line; column++)
                product[(line * _pitch) + column] += product[(column * _pitch) + line];
        }

        Measurements<T>.Pack(product, _pitch, _set.Dimension, _points.Pointer + _set.Stride);
        _targetScales.Pointer[0] = T.One;
        _targetScales.Pointer[1] = T.Zero;
        Span<double> squares = stackalloc double[2];
        Pass(2, gradients: true, squares);
        Finish(gradientOf: 1, at: 0);
        Finish(gradientOf: 0, at: 1);
    }

    private static int Up(int value, int multiple) => (value + multiple - 1) / multiple * multiple;

    private T* Scratch(int point) => _products.Pointer + ((long)point * Math.Max(Matrix, _pitch * _pitch));

    // x_p = the packed U_p U_p^T.
    private void Square(int point, int into)
    {
        T* transposed = Scratch(point);
        Transpose(Weights(point), transposed);
        _kernel.Multiply(Weights(point), transposed, Result(point), _pitch, _lines, _set.Dimension, _pitch, lowerOnly: true);
        Measurements<T>.Pack(Result(point), _pitch, _set.Dimension, _points.Pointer + ((long)into * _set.Stride));
    }

    private void Pass(int points, bool gradients, Span<double> squares)
    {
        int stride = _set.Stride;
        T* sums = null;
        if (gradients)
        {
            _gradients ??= new AlignedBuffer<T>((long)Shards * _capacity * stride);
            sums = _gradients.Pointer;
        }

        int tiles = _set.PaddedCount / SensingKernel<T>.TileRows;
        nint gradientAddress = (nint)sums;
        Each(Shards, shard =>
        {
            int first = (int)((long)tiles * shard / Shards) * SensingKernel<T>.TileRows;
            int end = (int)((long)tiles * (shard + 1) / Shards) * SensingKernel<T>.TileRows;
            double* shardSquares = _squares.Pointer + (shard * points);
            new Span<double>(shardSquares, points).Clear();
            T* shardGradients = null;
            if (gradientAddress != 0)
            {
                shardGradients = (T*)gradientAddress + ((long)shard * points * stride);
                new Span<T>(shardGradients, points * stride).Clear();
            }

            _kernel.Accumulate(_set.Rows + ((long)first * stride), stride, end - first, _set.Targets + first, _points.Pointer, points, _targetScales.Pointer,
                shardSquares, shardGradients);
        });

        for (int point = 0; point < points; point++)
        {
            double sum = 0;
            for (int shard = 0; shard < Shards; shard++)
                sum += _squares.Pointer[(shard * points) + point];
            squares[point] = sum;
        }

        if (gradients && points > 1)
            Each(points, point => Reduce(point, points));
        else if (gradients)
            Reduce(0, 1);
    }

    private void Reduce(int point, int points)
    {
        T* total = _gradients!.Pointer + ((long)point * _set.Stride);
        for (int shard = 1; shard < Shards; shard++)
            _kernel.Add(T.One, total + ((long)shard * points * _set.Stride), total, _set.Stride);
    }

    // Result(at) = (the gradient of point gradientOf, unpacked) U_at.
    private void Finish(int gradientOf, int at)
    {
        T* full = Scratch(at);
        Measurements<T>.Unpack(_gradients!.Pointer + ((long)gradientOf * _set.Stride), _set.Dimension, full, _pitch);
        _kernel.Multiply(full, Weights(at), Result(at), _pitch, _lines, _set.Dimension, _pitch, lowerOnly: false);
    }

    private void Transpose(T* source, T* destination)
    {
        int d = _set.Dimension;
        for (int line = 0; line < d; line++)
        {
            for (int column = 0; column < d; column++)
                destination[(column * _pitch) + line] = source[(line * _pitch) + column];
        }
    }

    private void Each(int count, Action<int> body)
    {
        if (count == 1 || _parallel.MaxDegreeOfParallelism == 1)
        {
            for (int i = 0; i < count; i++)
                body(i);
        }
        else
        {
            Parallel.For(0, count, _parallel, body);
        }
    }
}
