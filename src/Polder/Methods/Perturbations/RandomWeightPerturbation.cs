namespace Polder.Methods;

/// <summary>
/// Random weight perturbation in its mixed and adaptive forms (Li and others, TMLR 2024): the gradient at W + e, mixed with the gradient at W. On a
/// weight, e is sigma c U with c the norm of its filter (m-RWP); adaptive (ARWP), c is divided by sqrt(1 + eta F), F the forgetful sum of the filter's
/// squared gradients at the perturbed points, so that filters with large gradients move less.
/// </summary>
/// <remarks>
/// g = lambda grad f(W) + (1 - lambda) grad f(W + e), and F &lt;- beta F + |gradient of the filter at W + e|^2. Filters are slices along the first axis of
/// parameters of two dimensions and more; of another parameter c is the whole norm, and F is that of each element. The two points may see two mini-batches
/// (<see cref="Batches"/>), as in the authors' program.
/// </remarks>
public sealed record RandomWeightPerturbation : IGradientMethod
{
    private static readonly NoiseShape Filters = new() { Scale = NoiseScale.FilterNormalized };

    /// <summary>
    /// The standard deviation of the noise relative to the filters' norms, at least 0: a number or a schedule. Where it is 0 the step is the base optimizer's,
    /// bit for bit, at one gradient of the first mini-batch.
    /// </summary>
    public Sigma Sigma { get; init; } = 0.015;

    /// <summary>The weight lambda of the gradient at W itself, 0 to 1; above 0 it costs one gradient more, at 1 the step is the base optimizer's.</summary>
    public double CleanWeight { get; init; } = 0.5;

    /// <summary>Whether the two points see one mini-batch; two need a clean weight above 0 and below 1. Default: one.</summary>
    public StepBatches Batches { get; init; }

    /// <summary>Whether the noise is smaller where the gradients were large (ARWP).</summary>
    public bool Adaptive { get; init; }

    /// <summary>The factor eta of F, at least 0; at 0 the adaptive form is the plain one.</summary>
    public double Eta { get; init; } = 0.1;

    /// <summary>The memory beta of F, 0 to 1.</summary>
    public double Memory { get; init; } = 0.99;

    internal static MethodEntry Mixed { get; } = new(
        "mrwp", "mixed random weight perturbation: half the gradient at the weights, half at randomly perturbed ones",
        a => Make(a) with { Adaptive = false },
        StandardOptions.Sigma(0.015),
        StandardOptions.Schedule,
        StandardOptions.CleanWeight with { Default = 0.5 },
        BatchesOption,
        StandardOptions.Noise)
    {
        Passes = "2 (1 where sigma is 0, and where clean-weight is 0 or 1)",
        PassesPerStep = 2,
        ExtraParameterBuffers = 1,
        Source = "Li and others, TMLR 2024 (arXiv 2404.00357)",
        TuningGrid = [0.005, 0.01, 0.015, 0.03, 0.06],
    };

    internal static MethodEntry AdaptiveForm { get; } = new(
        "arwp", "adaptive random weight perturbation: noise relative to the filters, smaller where their gradients are large",
        a => Make(a) with { Adaptive = true, Eta = a.Number("eta"), Memory = a.Number("memory") },
        StandardOptions.Sigma(0.015),
        StandardOptions.Schedule,
        StandardOptions.CleanWeight,
        BatchesOption,
        MethodOption.NotNegative("eta", "how much a filter's squared gradients shrink its noise", 0.1),
        MethodOption.Share("memory", "memory of the squared gradients", 0.99),
        StandardOptions.Noise)
    {
        Passes = "1, one more where clean-weight is above 0 (1 where sigma is 0)",
        PassesPerStep = 1,
        ExtraParameterBuffers = 3,
        Source = "Li and others, TMLR 2024 (arXiv 2404.00357)",
        TuningGrid = [0.005, 0.01, 0.015, 0.03, 0.06],
    };

    private static MethodOption BatchesOption => MethodOption.Word(
        "batches", "whether the point at the weights and the perturbed one see the same mini-batch, or one each", "same", "same", "two");

    /// <inheritdoc/>
    public string Name => Adaptive ? "arwp" : "mrwp";

    /// <inheritdoc/>
    public int GradientEvaluations => Sigma.IsZero || CleanWeight is 0 or 1 ? 1 : 2;

    /// <inheritdoc/>
    public bool TakesSecondBatch => Batches == StepBatches.Two;

    /// <inheritdoc/>
    public int GradientEvaluationsAt(long step) => Sigma.At(step) == 0 ? 1 : GradientEvaluations;

    /// <inheritdoc/>
    public bool ActsAt(long step) => CleanWeight < 1 && Sigma.At(step) > 0;

    /// <inheritdoc/>
    public void Validate()
    {
        Sigma.Validate();
        Require.Share(CleanWeight);
        Require.Known(Batches);
        Require.That(Batches == StepBatches.Same || CleanWeight is > 0 and < 1, CleanWeight, "above 0 and below 1 with two batches, of which each has a point",
            nameof(CleanWeight));
        Require.NotNegative(Eta);
        Require.Share(Memory);
    }

    /// <inheritdoc/>
    public NoiseStream ShapeNoise(NoiseStream noise, ParameterSpace space, OptimizerHelper @base) =>
        Adaptive ? noise : Filters.Apply(noise, space, @base);

    /// <inheritdoc/>
    public void ComputeGradient(MethodContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        double sigma = Sigma.At(context.Step);
        if (sigma == 0 || CleanWeight == 1)
        {
            context.Run(Probe.Centre());
            return;
        }
        if (Adaptive)
        {
            Adapted(context, sigma);
            return;
        }
        Probe perturbed = Probe.Noise(0, sigma, 1 - CleanWeight) with { OfSecondBatch = TakesSecondBatch };
        if (CleanWeight > 0)
            context.Run(Probe.Centre(CleanWeight), perturbed);
        else
            context.Run(perturbed);
    }

    private static RandomWeightPerturbation Make(MethodArguments a) => new()
    {
        Sigma = StandardOptions.SigmaOf(a),
        CleanWeight = a.Number("clean-weight"),
        Batches = a.Word("batches") == "two" ? StepBatches.Two : StepBatches.Same,
    };

    private void Adapted(MethodContext context, double sigma)
    {
        ParameterVector squares = context.State.Vector("squares"), work = context.State.Scratch("work"), gradient = context.Gradient;
        context.Materialize(0, work);
        context.MultiplyByFilterNorms(work, leastDimensions: 2, elementwise: false);
        Shrink(work, squares);
        context.Run(Probe.Along(work, sigma) with { OfSecondBatch = TakesSecondBatch });

        // The noise is no longer needed: its place takes the next sums.
        work.CopyFrom(squares);
        work.Scale(Memory);
        using (no_grad())
        {
            foreach ((Tensor sum, Tensor g) in work.Blocks.Zip(gradient.Blocks))
                sum.addcmul_(g, g, Number(1));
        }
        context.WhenAccepted(() => squares.CopyFrom(work));
        if (CleanWeight == 0)
            return;
        ParameterVector clean = context.State.Scratch("clean");
        context.RunInto(clean, Probe.Centre(CleanWeight));
        gradient.Scale(1 - CleanWeight);
        gradient.Add(clean);
    }

    private void Shrink(ParameterVector noise, ParameterVector squares)
    {
        using var noGrad = no_grad();
        for (int i = 0; i < noise.Blocks.Count; i++)
        {
            using var scope = NewDisposeScope();
            Tensor block = squares.Blocks[i];
            if (block.numel() == 0)
                continue;
            Tensor sums = block.dim() < 2 ? block
                : block.reshape(block.shape[0], -1).sum(1).view([block.shape[0], .. Enumerable.Repeat(1L, (int)block.dim() - 1)]);
            noise.Blocks[i].div_(sums.mul(Number(Eta)).add(Number(1)).sqrt());
        }
    }
}
