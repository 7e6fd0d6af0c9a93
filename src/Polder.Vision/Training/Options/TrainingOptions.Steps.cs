namespace Polder.Vision.Training;

/// <content>What follows from the options for the steps: how many there are, the base optimizer, and the learning rate of each.</content>
public sealed partial record TrainingOptions
{
    /// <summary>The base optimizer over the trainable parameters of a network: one group, or with <see cref="LayerDecay"/> below 1 one a layer.</summary>
    /// <param name="model">The network.</param>
    /// <returns>Its groups have the learning rates of <see cref="LearningRate"/>; <see cref="SetLearningRate"/> moves them.</returns>
    public OptimizerHelper CreateOptimizer(ImageClassifier model)
    {
        ArgumentNullException.ThrowIfNull(model);
        IReadOnlyList<LayerGroup> layers = LayerDecay < 1 ? LayerGroups.Of(model) : [new("all", 0, [.. model.parameters()])];
        (double Share, Parameter[] Parameters)[] groups =
        [
            .. layers.Select(layer => (Math.Pow(LayerDecay, layer.Height), layer.Parameters.Where(p => p.requires_grad).ToArray()))
                .Where(group => group.Item2.Length > 0),
        ];
        // What a group does not say itself is as the optimizer has it.
        OptimizerHelper optimizer = Optimizer switch
        {
            BaseOptimizer.Sgd => optim.SGD(groups.Select(g => new SGD.ParamGroup { Parameters = g.Parameters }), LearningRate, Momentum,
                weight_decay: WeightDecay),
            BaseOptimizer.Adam => optim.Adam(groups.Select(g => new Adam.ParamGroup { Parameters = g.Parameters }), LearningRate, weight_decay: WeightDecay),
            _ => optim.AdamW(groups.Select(g => new AdamW.ParamGroup { Parameters = g.Parameters }), LearningRate, weight_decay: WeightDecay),
        };
        // Each group remembers its share, which does not follow from its place where layers between are frozen.
        foreach ((optim.ILearningRateController group, (double share, _)) in optimizer.ParamGroups.Zip(groups))
            group.InitialLearningRate = share * LearningRate;
        SetLearningRate(optimizer, LearningRate);
        return optimizer;
    }

    /// <summary>Gives every group its share (<see cref="LayerDecay"/>) of a learning rate.</summary>
    /// <param name="optimizer">The optimizer of <see cref="CreateOptimizer"/>, or one around it.</param>
    /// <param name="rate">The learning rate of the head.</param>
    public void SetLearningRate(optim.Optimizer optimizer, double rate)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        foreach (optim.ILearningRateController group in optimizer.ParamGroups)
            group.LearningRate = LayerDecay < 1 ? rate * (group.InitialLearningRate / LearningRate) : rate;
    }

    /// <summary>The steps of a training: an epoch has one a batch, and a last batch of one image joins the batch before it.</summary>
    /// <param name="images">The number of training images.</param>
    public long StepsOver(int images) => Steps ?? (long)Epochs * Loader.BatchesOf(images, BatchSize, joinLone: true);

    /// <summary>The epochs from one validation to the next.</summary>
    internal int EpochsToValidation(int train, int validation) => ValidateEvery > 0 ? ValidateEvery : (int)(((long)validation + train - 1) / train);

    /// <summary>The first steps, in which only the head is trained (<see cref="HeadEpochs"/>).</summary>
    /// <param name="images">The number of training images.</param>
    internal long HeadStepsOver(int images) => HeadEpochs == 0 ? 0 : StepsOver(images) * HeadEpochs / Epochs;

    /// <summary>The learning rate of a step.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="steps">All steps of the training.</param>
    public double LearningRateAt(long step, long steps)
    {
        // The step after the rise is the schedule's first, at the full rate.
        long rise = (long)Math.Round(WarmUp * steps);
        if (step < rise)
            return LearningRate * (step + 1) / (rise + 1);
        double done = (double)(step - rise) / (steps - rise);
        return LearningRate * Schedule switch
        {
            LearningRateSchedule.Cosine => HalfCosine(done),
            LearningRateSchedule.Step => Math.Pow(0.1, Math.Min(2, Math.Floor(3 * done + 1e-9))),
            LearningRateSchedule.OneCycle => done < Peak ? 1 - (1 - 1 / 25.0) * HalfCosine(done / Peak) : HalfCosine((done - Peak) / (1 - Peak)),
            _ => 1,
        };
    }

    /// <summary>Where one cycle is at its highest.</summary>
    private const double Peak = 0.3;

    private static double HalfCosine(double share) => 0.5 * (1 + Math.Cos(Math.PI * share));
}
