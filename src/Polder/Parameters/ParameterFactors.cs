namespace Polder.Parameters;

/// <summary>A number for every element of a space that is the same over each filter (or parameter), of which only those few are kept.</summary>
internal sealed class ParameterFactors
{
    private readonly long[] _offsets;
    private readonly long[] _rowLengths;
    private readonly double[][] _rows;

    /// <summary>Takes the factors.</summary>
    /// <param name="space">The parameters.</param>
    /// <param name="rows">For each parameter a factor for each of its slices along the first axis, or one for all of it.</param>
    public ParameterFactors(ParameterSpace space, double[][] rows)
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
}
