using Polder.Methods;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Parameters;

/// <summary>A number for every element of a space that is the same over each filter (or parameter), of which only those few are kept.</summary>
internal sealed class ParameterFactors
{
    private readonly long[] _offsets;
    private readonly long[] _rowLengths;
    private readonly double[][] _rows;

    private ParameterFactors(ParameterSpace space, double[][] rows)
    {
        _offsets = [.. space.Offsets];
        _rows = rows;
        _rowLengths = [.. space.Parameters.Select((parameter, i) => Math.Max(1, parameter.numel() / rows[i].Length))];
    }

    /// <summary>The one number that every element with a factor other than 0 has; null where they differ.</summary>
    public double? Common
    {
        get
        {
            double[] distinct = [.. _rows.SelectMany(row => row).Where(factor => factor != 0).Distinct().Take(2)];
            return distinct.Length == 1 ? distinct[0] : null;
        }
    }

    /// <summary>The factors of the weights as they stand.</summary>
    /// <param name="space">The parameters.</param>
    /// <param name="scale">What they are relative to.</param>
    /// <param name="outer">One more factor for each parameter.</param>
    public static ParameterFactors Of(ParameterSpace space, NoiseScale scale, double[] outer)
    {
        double[][] rows = new double[outer.Length][];
        for (int i = 0; i < outer.Length; i++)
        {
            double[] own = outer[i] == 0 ? [1] : Relative(space.Parameters[i], scale);
            rows[i] = Array.ConvertAll(own, factor => factor * outer[i]);
        }
        return new ParameterFactors(space, rows);
    }

    /// <summary>The factor at an element of the flat vector, and how many elements from there on have the same.</summary>
    public (double Factor, long Run) At(long element)
    {
        int parameter = Array.BinarySearch(_offsets, element);
        if (parameter < 0)
            parameter = ~parameter - 1;
        // Parameters without elements begin where the next does.
        while (parameter + 1 < _offsets.Length && _offsets[parameter + 1] == element)
            parameter++;
        return At(parameter, element - _offsets[parameter]);
    }

    /// <summary>The factor at an element of a parameter, and how many elements of it from there on have the same.</summary>
    public (double Factor, long Run) At(int parameter, long element)
    {
        long length = _rowLengths[parameter], row = element / length;
        return (_rows[parameter][row], ((row + 1) * length) - element);
    }

    /// <summary>One factor for each slice of a parameter along its first axis, or a single one.</summary>
    public IReadOnlyList<double> Rows(int parameter) => _rows[parameter];

    private static double[] Relative(Parameter parameter, NoiseScale scale)
    {
        if (scale == NoiseScale.Absolute || parameter.numel() == 0)
            return [1];
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        if (scale == NoiseScale.FilterNormalised && parameter.dim() >= 2)
            return [.. FilterNorms.OfFilters(parameter).to(ScalarType.Float64).cpu().data<double>()];
        double norm = parameter.norm().ToDouble();
        return [scale == NoiseScale.FilterNormalised ? norm : norm / Math.Sqrt(parameter.numel())];
    }
}
