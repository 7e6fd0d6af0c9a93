using System.Numerics;
using System.Runtime.InteropServices;

namespace Polder.Experiments.Sensing;

/// <summary>A <see cref="SensingProblem"/> in one precision: between tensors and the engine's memory.</summary>
internal sealed unsafe class SensingProblem<T> : SensingProblem
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly SensingEngine<T> _train;
    private readonly SensingEngine<T>? _validation;
    private readonly double[] _truth;
    private readonly double[] _start;

    public SensingProblem(Measurements<T> train, Measurements<T>? validation, double[] truth, double[] start, double lossScale, int threads)
        : base(train.Dimension, train.Count, lossScale)
    {
        _train = new SensingEngine<T>(train, threads);
        _validation = validation is null ? null : new SensingEngine<T>(validation, threads);
        _truth = truth;
        _start = start;
    }

    public override ScalarType DataType => typeof(T) == typeof(float) ? ScalarType.Float32 : ScalarType.Float64;

    private int Length => Dimension * Dimension;

    public override Parameter CreateStart()
    {
        using var noGrad = no_grad();
        using Tensor wide = tensor(_start, [Dimension, Dimension]);
        return new Parameter(wide.to_type(DataType, copy: true));
    }

    public override SensingMetrics Measure(Tensor weights)
    {
        ReadOnlySpan<T> u = Read(weights, nameof(weights));
        double train = MeanSquare(_train, u);
        double validation = _validation is null ? double.NaN : MeanSquare(_validation, u);
        double error = 0, norm = 0;
        int d = Dimension;
        for (int i = 0; i < d; i++)
        {
            for (int j = 0; j < d; j++)
            {
                double product = 0;
                for (int k = 0; k < d; k++)
                    product += double.CreateTruncating(u[(i * d) + k]) * double.CreateTruncating(u[(j * d) + k]);
                double x = _truth[(i * d) + j];
                error += (x - product) * (x - product);
                norm += x * x;
            }
        }

        return new SensingMetrics(train, validation, error / norm);
    }

    public override Tensor HessianVectorProduct(Tensor weights, Tensor direction)
    {
        _train.Reserve(2);
        Write(Read(weights, nameof(weights)), 0);
        Write(Read(direction, nameof(direction)), 1);
        _train.EvaluateDirection();
        T factor = T.CreateTruncating(4 * LossScale / MeasurementCount);
        Tensor product = zeros(Dimension, Dimension, DataType);
        Span<T> into = MemoryMarshal.Cast<byte, T>(product.bytes);
        AddResult(0, factor, into);
        AddResult(1, factor, into);
        return product;
    }

    internal override void Run(ProbeStep step, ReadOnlySpan<Probe> probes, ParameterVector gradient, Span<double> losses, bool keep)
    {
        if (step.Space.Parameters.Count != 1)
            throw new ArgumentException($"{step.Space.Parameters.Count} parameters: matrix sensing has one, U");
        using var scope = NewDisposeScope();
        T[] centre = Read(step.Space.Parameters[0], "U").ToArray();
        T[] sum = new T[Length];
        Span<T> target = MemoryMarshal.Cast<byte, T>(gradient.Blocks[0].bytes);
        if (keep)
            target.CopyTo(sum);

        for (int first = 0; first < probes.Length; first += SensingEngine<T>.MaximumPoints)
        {
            Probe[] part = probes.Slice(first, Math.Min(SensingEngine<T>.MaximumPoints, probes.Length - first)).ToArray();
            RunPart(step, part, centre, sum, losses[first..]);
        }

        sum.CopyTo(target);
        step.Space.MarkReceivedGradient();
    }

    private void RunPart(ProbeStep step, Probe[] probes, T[] centre, T[] sum, Span<double> losses)
    {
        _train.Reserve(probes.Length);
        // Tensors are touched on this thread only; noise, which is a pure function, is drawn on all: once for all probes of a draw.
        for (int p = 0; p < probes.Length; p++)
        {
            if (probes[p].Direction == ProbeDirection.Centre)
                Write(centre, p);
            else if (probes[p].Direction == ProbeDirection.Vector)
                WriteMoved(centre, MemoryMarshal.Cast<byte, T>(probes[p].Vector!.Blocks[0].bytes), probes[p].Scale, p);
        }

        int[] draws = [.. probes.Where(p => p.Direction == ProbeDirection.Noise).Select(p => p.Draw).Distinct()];
        double[] squares = new double[probes.Length];
        _train.Evaluate(probes.Length, gradients: true, squares, group =>
        {
            T[] unit = new T[Length];
            if (unit is float[] single)
                step.Noise.Fill(step.Step, draws[group], 0, single);
            else
                step.Noise.Fill(step.Step, draws[group], 0, (double[])(object)unit);
            for (int p = 0; p < probes.Length; p++)
                if (probes[p].Direction == ProbeDirection.Noise && probes[p].Draw == draws[group])
                    WriteMoved(centre, unit, probes[p].Scale, p);
        }, draws.Length);

        for (int p = 0; p < probes.Length; p++)
        {
            losses[p] = LossScale * squares[p] / MeasurementCount;
            AddResult(p, T.CreateTruncating(probes[p].Weight * 4 * LossScale / MeasurementCount), sum);
        }
    }

    private double MeanSquare(SensingEngine<T> engine, ReadOnlySpan<T> u)
    {
        Write(engine, u, 0);
        double[] square = new double[1];
        engine.Evaluate(1, gradients: false, square);
        return square[0] / engine.Set.Count / engine.Set.MeanSquareTarget;
    }

    private ReadOnlySpan<T> Read(Tensor tensor, string name)
    {
        if (tensor.numel() != Length || tensor.dtype != DataType || tensor.device_type != DeviceType.CPU || !tensor.is_contiguous())
            throw new ArgumentException(
                $"{name} is a {tensor.dtype} tensor of shape [{string.Join(", ", tensor.shape)}] on {tensor.device_type}: needed is a contiguous "
                + $"{DataType} tensor of shape [{Dimension}, {Dimension}] on the CPU", name);
        return MemoryMarshal.Cast<byte, T>(tensor.bytes);
    }

    private void Write(ReadOnlySpan<T> u, int point) => Write(_train, u, point);

    private void Write(SensingEngine<T> engine, ReadOnlySpan<T> u, int point)
    {
        for (int line = 0; line < Dimension; line++)
            u.Slice(line * Dimension, Dimension).CopyTo(new Span<T>(engine.Weights(point) + (line * engine.Pitch), Dimension));
    }

    private void WriteMoved(ReadOnlySpan<T> centre, ReadOnlySpan<T> direction, double scale, int point)
    {
        T factor = T.CreateTruncating(scale);
        for (int line = 0; line < Dimension; line++)
        {
            T* into = _train.Weights(point) + (line * _train.Pitch);
            for (int column = 0, at = line * Dimension; column < Dimension; column++, at++)
                into[column] = centre[at] + (factor * direction[at]);
        }
    }

    private void AddResult(int point, T factor, Span<T> sum)
    {
        for (int line = 0; line < Dimension; line++)
        {
            T* from = _train.Result(point) + (line * _train.Pitch);
            Span<T> into = sum.Slice(line * Dimension, Dimension);
            for (int column = 0; column < into.Length; column++)
                into[column] += factor * from[column];
        }
    }
}
