namespace Polder.Methods;

/// <summary>Where a method's noise goes and how large it is there: on a weight w it is sigma x c U, with U of unit variance and c said here.</summary>
/// <remarks>
/// The factors c are taken from the weights W at the start of each step and are the same at W + U and W - U. One factor is kept for a
/// filter or a parameter, none for a weight. The draw U itself runs through all elements whatever the shape is.
/// </remarks>
public sealed record NoiseShape
{
    /// <summary>Noise of standard deviation sigma on every weight: c = 1.</summary>
    public static NoiseShape Everywhere { get; } = new();

    /// <summary>What sigma is relative to. Default: nothing, c = 1.</summary>
    public NoiseScale Scale { get; init; }

    /// <summary>
    /// The parameters that get noise; the others stay at W, and get the gradient of the noisy points all the same. null is all. Default: all.
    /// </summary>
    public ParameterSelection? Within { get; init; }

    /// <summary>For each parameter group of the base optimizer, in order, a factor of its sigma, at least 0. null is 1 for each. Default: 1.</summary>
    public IReadOnlyList<double>? GroupFactors { get; init; }

    private bool IsPlain => Scale == NoiseScale.Absolute && Within is null && GroupFactors is null;

    internal void Validate()
    {
        Require.Known(Scale);
        foreach (double factor in GroupFactors ?? [])
            Require.NotNegative(factor, nameof(GroupFactors));
    }

    internal void ValidateBase(OptimizerHelper @base)
    {
        int groups = @base.ParamGroups.Count();
        if (GroupFactors is not null && GroupFactors.Count != groups)
        {
            throw new ArgumentException(
                $"GroupFactors has {GroupFactors.Count} factors and the base optimizer {groups} parameter groups: give one for each group, in order",
                nameof(@base));
        }
    }

    /// <summary>The noise of one step, with the parameters at W.</summary>
    /// <exception cref="ArgumentException">No trainable parameter would get noise, or a group has no factor.</exception>
    internal NoiseStream Apply(NoiseStream noise, ParameterSpace space, OptimizerHelper @base)
    {
        if (IsPlain)
            return noise;
        ValidateBase(@base);
        double[] outer = new double[space.Parameters.Count];
        for (int i = 0; i < outer.Length; i++)
            outer[i] = Within is null || Within.Contains(space.Parameters[i]) ? 1 : 0;
        // What is frozen now may be trained later: where the optimizer has it, the noise waits for it.
        if (Within is not null && !@base.ParamGroups.OfType<ParamGroup>().SelectMany(group => group.Parameters).Any(Within.Contains))
            throw new ArgumentException("Within holds none of the optimizer's trainable parameters: no weight would get noise", nameof(space));
        if (GroupFactors is not null)
        {
            foreach (var (group, factor) in @base.ParamGroups.OfType<ParamGroup>().Zip(GroupFactors))
                foreach (int place in group.Parameters.Select(space.IndexOf).Where(place => place >= 0))
                    outer[place] = outer[place] == 0 ? 0 : factor; // once, also where a tied parameter stands twice
        }
        double[][] rows = [.. outer.Select((factor, i) => factor == 0 ? [0] : Array.ConvertAll(Relative(space.Parameters[i]), own => own * factor))];
        return new ScaledNoise(noise, new ParameterFactors(space, rows));
    }

    private double[] Relative(Parameter parameter)
    {
        if (Scale == NoiseScale.Absolute || parameter.numel() == 0)
            return [1];
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        if (Scale == NoiseScale.FilterNormalized && parameter.dim() >= 2)
            return [.. FilterNorms.OfFilters(parameter).to(ScalarType.Float64).cpu().data<double>()];
        double norm = parameter.norm().ToDouble();
        return [Scale == NoiseScale.FilterNormalized ? norm : norm / Math.Sqrt(parameter.numel())];
    }
}
