namespace Polder.Vision.Recipes;

/// <summary>A method with the values of its options.</summary>
public sealed record MethodChoice
{
    private readonly IReadOnlyDictionary<string, object> _given, _defaults;

    private MethodChoice(MethodEntry entry, IReadOnlyDictionary<string, object> given, IReadOnlyDictionary<string, object> defaults)
    {
        (Entry, _given, _defaults) = (entry, given, defaults);
        Options = entry.Complete(new Dictionary<string, object>([.. defaults.Where(d => !given.ContainsKey(d.Key)), .. given]));
    }

    /// <summary>What is known of the method.</summary>
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
    public static MethodChoice Create(string name, IReadOnlyDictionary<string, object>? options = null) => Create(MethodRegistry.Named(name), options);

    /// <summary>Chooses a method that need not be registered.</summary>
    /// <inheritdoc cref="Create(string, IReadOnlyDictionary{string, object}?)"/>
    public static MethodChoice Create(MethodEntry entry, IReadOnlyDictionary<string, object>? options = null) =>
        new(entry ?? throw new ArgumentNullException(nameof(entry)), options ?? new Dictionary<string, object>(), new Dictionary<string, object>());

    /// <summary>The same method with another value of an option.</summary>
    /// <exception cref="ArgumentException">The method has no such option, or the value is not allowed.</exception>
    public MethodChoice With(string option, object value) =>
        new(Entry, new Dictionary<string, object>(_given) { [option] = value }, _defaults) { Label = Label };

    /// <summary>The same method with other values for the options that nobody gave.</summary>
    /// <param name="default">The value of an option; null leaves it as it is.</param>
    public MethodChoice WithDefaults(Func<string, object?> @default)
    {
        var defaults = new Dictionary<string, object>(_defaults);
        foreach (MethodOption option in Entry.Options)
            if (@default(option.Name) is { } value)
                defaults[option.Name] = value;
        return new(Entry, _given, defaults) { Label = Label };
    }

    /// <summary>Makes the method for a run.</summary>
    /// <param name="setup">The run.</param>
    public IGradientMethod For(MethodSetup setup) => Entry.Create(setup, Options);

    /// <summary>Makes the method for a training.</summary>
    /// <param name="start">Its start.</param>
    /// <param name="training">The training.</param>
    public IGradientMethod For(FineTuningStart start, TrainingOptions training)
    {
        ArgumentNullException.ThrowIfNull(start);
        ArgumentNullException.ThrowIfNull(training);
        IGradientMethod method = For(SetupOf(start, training.StepsOver(start.Splits.Train.Count)));
        ImageClassifier network = start.Classifier.Network;
        HeadPhase.Apply(training, network);
        return method.Moves is not { } moves || network.parameters().Any(p => p.requires_grad && moves.Contains(p))
            ? method
            : throw new SettingException("method", Name,
                $"a method that moves something that is trained; all that {Name} moves{Given} is frozen by {{freeze-body}} or {{freeze}}");
    }

    /// <summary>
    /// Why the method does nothing in a training: no step moves the weights (<see cref="IGradientMethod.ActsAt"/>), or its rho and its sigma are
    /// zero. Null where it acts.
    /// </summary>
    /// <param name="start">The training's start.</param>
    /// <param name="training">The training.</param>
    public string? Idle(FineTuningStart start, TrainingOptions training)
    {
        IGradientMethod method = For(start, training);
        long steps = training.StepsOver(start.Splits.Train.Count);
        object[] strengths = [.. Entry.Options.Where(o => o.Name is "rho" or "sigma").Select(o => Options[o.Name])];
        if (steps == 0)
            return null; // the head alone is fitted: no method is asked
        bool weak = !Entry.DemandsPlainSgd && !Entry.ActsWithoutStrength && strengths.Length > 0 && strengths.All(strength => strength is 0.0);
        for (long step = 0; step < steps && !weak; step++)
            if (method.ActsAt(step))
                return null;
        return $"{Label} moves the weights at none of the {steps} steps{Given}: it trains as the base optimizer does";
    }

    private string Given => _given.Count == 0 ? "" : $" ({string.Join(", ", _given.Select(g => $"{g.Key} {MethodOption.Text(g.Value)}"))})";

    /// <summary>The steps in which the method spends as many gradients as NSO with one pair spends in a training, or up to a step's less.</summary>
    /// <param name="start">Its start.</param>
    /// <param name="training">The training of NSO.</param>
    /// <returns>At least 1; schedules of sigma are stretched over them.</returns>
    public long StepsForGradientsOfNso(FineTuningStart start, TrainingOptions training)
    {
        ArgumentNullException.ThrowIfNull(start);
        ArgumentNullException.ThrowIfNull(training);
        long gradients = 2 * training.StepsOver(start.Splits.Train.Count);
        return GradientBudget.Steps(steps => For(SetupOf(start, steps)), gradients);
    }

    /// <summary>
    /// The training as the method needs it: a method with an update of its own has plain SGD below it. Its momentum is a mean of gradients, where
    /// SGD's is a sum: at the same rate its steps would be 1 - momentum as long, so the rate is divided by that.
    /// </summary>
    /// <param name="training">The training, as other methods of a comparison have it.</param>
    /// <exception cref="SettingException">The method makes its own update and the base optimizer is not SGD.</exception>
    public TrainingOptions BaseTraining(TrainingOptions training)
    {
        ArgumentNullException.ThrowIfNull(training);
        if (!Entry.DemandsPlainSgd)
            return training;
        return training.Optimizer == BaseOptimizer.Sgd
            ? training with { LearningRate = training.LearningRate / (1 - training.Momentum), Momentum = 0, WeightDecay = 0 }
            : throw new SettingException("optimizer", $"{training.Optimizer}".ToLowerInvariant(), $"sgd ({Name} makes its own update)");
    }

    private static MethodSetup SetupOf(FineTuningStart start, long steps) => new()
    {
        // A schedule needs one to end at, though a fitted head alone takes none.
        Steps = Math.Max(1, steps),
        Examples = start.Splits.Train.Count,
        Model = start.Classifier.Network,
        Head = [.. start.Classifier.Network.HeadParameters],
    };
}
