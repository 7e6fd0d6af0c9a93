using Polder.Methods;
using Polder.Methods.Registry;
using Polder.Noise;
using Polder.Vision.Training;

namespace Polder.Experiments.Comparison;

/// <summary>A method of the registry with the values of its options.</summary>
public sealed record MethodChoice
{
    private MethodChoice(MethodEntry entry, IReadOnlyDictionary<string, object> options) => (Entry, Options) = (entry, options);

    /// <summary>What the registry says of the method.</summary>
    public MethodEntry Entry { get; }

    /// <summary>The value of every option of the method by its name.</summary>
    public IReadOnlyDictionary<string, object> Options { get; }

    /// <summary>The method's name.</summary>
    public string Name => Entry.Name;

    /// <summary>What reports call it: the name, unless it is given another to tell it from the same method with other options.</summary>
    public string Label { get => field ?? Name; init; }

    /// <summary>The distribution of its noise.</summary>
    public NoiseDistribution Distribution => MethodEntry.DistributionOf(Options);

    /// <summary>Chooses a method.</summary>
    /// <param name="name">One of <see cref="MethodRegistry.Names"/>.</param>
    /// <param name="options">Values of its options; what is missing has its default.</param>
    /// <exception cref="ArgumentException">There is no such method or option, or a value is not allowed.</exception>
    public static MethodChoice Create(string name, IReadOnlyDictionary<string, object>? options = null)
    {
        MethodEntry entry = MethodRegistry.Named(name);
        return new MethodChoice(entry, entry.Complete(options ?? new Dictionary<string, object>()));
    }

    /// <summary>The same method with another value of an option.</summary>
    /// <exception cref="ArgumentException">The method has no such option, or the value is not allowed.</exception>
    public MethodChoice With(string option, object value) =>
        new(Entry, Entry.Complete(new Dictionary<string, object>(Options) { [option] = value }));

    /// <summary>Makes the method for a run.</summary>
    /// <param name="setup">The run.</param>
    public IGradientMethod For(MethodSetup setup) => Entry.Create(setup, Options);

    /// <summary>Makes the method for the training of a case.</summary>
    /// <param name="case">The case.</param>
    /// <param name="training">The training.</param>
    public IGradientMethod For(FineTuningCase @case, TrainingOptions training)
    {
        ArgumentNullException.ThrowIfNull(@case);
        ArgumentNullException.ThrowIfNull(training);
        return For(SetupOf(@case, training.StepsOver(@case.Splits.Train.Count)));
    }

    /// <summary>The steps in which the method spends as many gradients as NSO with one pair spends in a training, or up to a step's less.</summary>
    /// <param name="case">The case.</param>
    /// <param name="training">The training of NSO.</param>
    /// <returns>At least 1; schedules of sigma are stretched over them.</returns>
    public long StepsForGradientsOfNso(FineTuningCase @case, TrainingOptions training)
    {
        ArgumentNullException.ThrowIfNull(@case);
        ArgumentNullException.ThrowIfNull(training);
        long gradients = 2 * training.StepsOver(@case.Splits.Train.Count);
        return GradientBudget.Steps(steps => For(SetupOf(@case, steps)), gradients);
    }

    /// <summary>
    /// The training as the method needs it: a method with an update of its own has plain SGD below it. Its momentum is a mean of gradients, where
    /// SGD's is a sum: at the same rate its steps would be 1 - momentum as long, so the rate is divided by that.
    /// </summary>
    /// <param name="training">The training.</param>
    /// <exception cref="ArgumentException">The method makes its own update and the base optimizer is not SGD.</exception>
    public TrainingOptions Fit(TrainingOptions training)
    {
        ArgumentNullException.ThrowIfNull(training);
        if (!Entry.DemandsPlainSgd)
            return training;
        return training.Optimizer == BaseOptimizer.Sgd
            ? training with { LearningRate = training.LearningRate / (1 - training.Momentum), Momentum = 0, WeightDecay = 0 }
            : throw new ArgumentException($"{Name} makes its own update: its base optimizer is sgd, not {training.Optimizer}", nameof(training));
    }

    private static MethodSetup SetupOf(FineTuningCase @case, long steps) => new()
    {
        Steps = steps,
        Examples = @case.Splits.Train.Count,
        Model = @case.Model,
        Head = [.. @case.Model.HeadParameters],
    };
}
