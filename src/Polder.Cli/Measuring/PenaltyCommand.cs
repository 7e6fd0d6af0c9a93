namespace Polder.Cli.Measuring;

/// <summary><c>polder penalty</c>: what NSO penalises, F - f, beside the Hessian's trace, along trainings of smooth and rectified networks.</summary>
internal sealed class PenaltyCommand : PolderCommand
{
    private static readonly PenaltyOptions Defaults = new();
    private static readonly string[] Names = [.. Enum.GetNames<Activation>().Select(n => n.ToLowerInvariant())];

    private readonly CliOption<string?> _data = OptionOf.Text(
        "--data", "DIR|FILE|NAME", "the images, as finetune takes them", "digits, or a folder or file of images", Digits.Name, Digits.Name);

    private readonly CliOption<int> _imageSize = OptionOf.Count("--image-size", "side of the network's input in pixels, other than digits", 32,
        ValueRange.Between(8, 512));

    private readonly CliOption<IReadOnlyList<string>> _activations = OptionOf.Choices(
        "--activations", "what follows the convolutions, one training each, or all", Names, Names, orAll: true);

    private readonly CliOption<string> _method = OptionOf.Choice("--method", "how the gradient is made", "base", "base", "nso");
    private readonly CliOption<double> _sigma = OptionOf.Number("--sigma", "standard deviation of nso's noise in training", 0.01, ValueRange.Above(0));
    private readonly CliOption<int> _steps = OptionOf.Count("--steps", "steps of a training", Defaults.Steps, ValueRange.AtLeast(1));
    private readonly CliOption<double> _learningRate = OptionOf.Number("--learning-rate", "learning rate of SGD, momentum 0.9", Defaults.LearningRate,
        ValueRange.Above(0));
    private readonly CliOption<int> _batchSize = OptionOf.Count("--batch-size", "images a step", Defaults.BatchSize, ValueRange.AtLeast(2));
    private readonly CliOption<IReadOnlyList<long>> _seeds = CommonOptions.Seeds("0..2");
    private readonly CliOption<int> _looks = OptionOf.Count("--looks", "measurements of a training, the first at its start", Defaults.Looks,
        ValueRange.Between(2, 1000));

    private readonly CliOption<IReadOnlyList<double>> _sigmas = OptionOf.Numbers(
        "--sigmas", "standard deviations of the weight noise that is measured, in units of the weights", Defaults.Sigmas, ValueRange.Above(0));

    private readonly CliOption<int> _draws = OptionOf.Count("--draws", "noise draws, each evaluated at +U and -U", Defaults.Draws, ValueRange.AtLeast(2));

    private readonly CliOption<int> _samples = OptionOf.Count(
        "--samples", "training images that are measured: where there are more, of every class its share", Defaults.Samples, ValueRange.AtLeast(1));

    private readonly CliOption<int> _maxProducts = OptionOf.Count(
        "--max-products", "the most Hessian-vector products of a trace, which ends at 2 % error", Defaults.MaxProducts, ValueRange.AtLeast(20));

    private readonly CliOption<string?> _plot = CommonOptions.Plot();

    public PenaltyCommand()
        : base("penalty", "measure along trainings how much of what NSO penalises the Hessian's trace explains, with and without kinks")
    {
        Add(Heading.Data, _data, _imageSize, _samples);
        Add(Heading.Network, _activations);
        Add(Heading.Method, _method, _sigma);
        Add(Heading.Training, _steps, _learningRate, _batchSize, _seeds);
        Add(Heading.Measurement, _looks, _sigmas, _draws, _maxProducts);
        Add(Heading.Output, _plot);
        UseTorch();
        Examples = ["polder penalty --plot penalty.svg", "polder penalty --data cifar-10-batches-bin --activations relu,gelu --steps 2000 --method nso"];
    }

    protected internal override void Run(CommandContext context)
    {
        IReadOnlyList<long> seeds = context.Get(_seeds)!;
        bool digits = context.Get(_data) == Digits.Name;
        if (digits && context.IsGiven(_imageSize) && context.Get(_imageSize) != 8)
            throw UserErrorException.ForOption("--image-size", $"{context.Get(_imageSize)}", "8 with the digits");
        context.SetEffective(_imageSize, digits ? 8 : context.Get(_imageSize));
        var options = new PenaltyOptions
        {
            Activations = [.. context.Get(_activations)!.Select(name => Enum.Parse<Activation>(name, ignoreCase: true))],
            Method = context.Get(_method) == "nso" ? new NoiseStability { Sigma = context.Get(_sigma) } : new Plain(),
            Steps = context.Get(_steps),
            Looks = context.Get(_looks),
            BatchSize = context.Get(_batchSize),
            LearningRate = context.Get(_learningRate),
            Sigmas = context.Get(_sigmas)!,
            Draws = context.Get(_draws),
            Samples = context.Get(_samples),
            MaxProducts = context.Get(_maxProducts),
            Seeds = seeds,
        };
        // The recipe opens and splits the images; the network that it would train is not used.
        var recipe = new Recipe
        {
            Data = new DataRecipe { Source = context.Get(_data)! },
            Start = new StartRecipe { Architecture = digits ? "digits-cnn" : "resnet20", ImageSize = digits ? null : context.Get(_imageSize) },
            Method = MethodChoice.Create("base"),
            Seed = seeds[0],
        };
        using RecipeTask task = context.Output.Track("reading the images", 1,
            tracker => recipe.Open(null, ImageReading.ProgressOf(tracker), context.Cancellation));
        using FineTuningStart start = task.Prepare(seeds[0]);
        IReadOnlyList<PenaltyLook> looks = context.Output.Track("penalty", options.Activations.Count * seeds.Count * options.LookSteps.Count, tracker =>
        {
            int done = 0;
            return PenaltyStudy.Run(
                start.Splits.Train, start.Classifier.Normalization, options, new Relay<PenaltyLook>(look => tracker.Report(
                    ++done, () => $"{look.Activation}, seed {look.Seed}, step {look.Step}: loss {look.Loss:G3}, trace {look.Trace.Value:G3}")),
                context.Cancellation);
        });
        context.Finish(PenaltyReport.Of(looks, Math.Min(options.Samples, start.Splits.Train.Count)));
        if (context.Get(_plot) is not { } file)
            return;
        if (looks.Any(look => look.Gaps.Any(gap => double.IsFinite(look.Share(gap).Value))))
            PlotWriter.Write(context.Output, file, PenaltyReport.Plot(looks, Path.GetExtension(file)));
        else
            context.Output.Warn($"no gap is above two standard errors, so there is nothing to draw: {file} is not written");
    }
}
