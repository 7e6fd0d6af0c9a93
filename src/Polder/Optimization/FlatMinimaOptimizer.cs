namespace Polder.Optimization;

/// <summary>
/// Joins a flat-minima method to a TorchSharp optimizer: the method composes the gradient, the base optimizer makes the update. It is a
/// <see cref="torch.optim.Optimizer"/> itself, so that an existing training loop changes in the line that makes the optimizer.
/// </summary>
/// <remarks>
/// <para>
/// A step saves W, evaluates the probes, restores W bit for bit, checks that loss and gradient are finite, runs the hooks before the
/// update, the base optimizer's step and the hooks after it. Whatever the closure throws, weights, buffers and the base optimizer's
/// state are as before the step. Beyond weights, gradient and the base optimizer's state it keeps one copy of the weights, and none
/// where the method never leaves W.
/// </para>
/// <para>
/// Learning-rate schedulers attach to this optimizer or to the base. Schedulers that cycle the momentum test the optimizer's class and
/// need the base. The parameters' gradients are null after a step.
/// </para>
/// </remarks>
public partial class FlatMinimaOptimizer : torch.optim.Optimizer
{
    private readonly OptimizerHelper _base;
    private readonly bool _replayRandomNumbers = true;
    private readonly BatchNormPolicy _batchNorm = BatchNormPolicy.OncePerStep;
    private SequentialProbeRunner _ownRunner;
    private IProbeRunner _runner;
    private readonly TrainedParameters _trained;

    /// <summary>Makes the optimizer. The base optimizer stays the caller's.</summary>
    /// <param name="base">The base optimizer with its parameters, learning rate and weight decay; any of TorchSharp's but LBFGS.</param>
    /// <param name="method">The method, for example <see cref="NoiseStability"/>.</param>
    /// <param name="model">The model whose BatchNorm statistics shall move once a step; without it they move with every probe.</param>
    /// <param name="noise">The noise; null is <see cref="PhiloxNoise"/> with <paramref name="seed"/>.</param>
    /// <param name="seed">The seed of the default noise.</param>
    /// <exception cref="ArgumentException">
    /// No parameter is trainable, the model does not have one of them, the noise is of another length, or the base optimizer does not fit the method.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">An option of the method is out of range.</exception>
    public FlatMinimaOptimizer(OptimizerHelper @base, IGradientMethod method, nn.Module? model = null, NoiseStream? noise = null, long seed = 0)
        : base(IntPtr.Zero)
    {
        ArgumentNullException.ThrowIfNull(@base);
        ArgumentNullException.ThrowIfNull(method);
        method.Validate();
        method.ValidateBase(@base);
        _base = @base;
        Method = method;
        Model = model;
        Noise = noise ?? new PhiloxNoise(seed);
        // The library's own methods move the weights by probes alone, which need no further copy of them.
        _trained = new TrainedParameters(_base, model, Noise,
            guarded: DecoratedMethod.Innermost(method).GetType().Assembly != typeof(FlatMinimaOptimizer).Assembly);
        _runner = _ownRunner = new SequentialProbeRunner(model);
    }

    /// <summary>The base optimizer.</summary>
    public OptimizerHelper Base => _base;

    /// <summary>The method.</summary>
    public IGradientMethod Method { get; }

    /// <summary>The model whose buffers are looked after, if any.</summary>
    public nn.Module? Model { get; }

    /// <summary>The noise of the steps.</summary>
    public NoiseStream Noise { get; }

    /// <summary>
    /// What evaluates the probes; one after another where nothing else is given. The optimizer disposes of it. A given runner has its
    /// own way with buffers and random numbers: <see cref="BatchNorm"/> and <see cref="ReplayRandomNumbers"/> are those of the default.
    /// </summary>
    public IProbeRunner Runner
    {
        get => _runner;
        init => _runner = value ?? throw new ArgumentNullException(nameof(value));
    }

    /// <summary>What the probes of a step do to the model's BatchNorm statistics.</summary>
    public BatchNormPolicy BatchNorm
    {
        get => _batchNorm;
        init
        {
            _batchNorm = value;
            RenewOwnRunner();
        }
    }

    /// <summary>
    /// Whether all probes of a step see the same random numbers of torch's default generator, so that dropout does not blur +U against -U; true by
    /// default.
    /// </summary>
    public bool ReplayRandomNumbers
    {
        get => _replayRandomNumbers;
        init
        {
            _replayRandomNumbers = value;
            RenewOwnRunner();
        }
    }

    /// <summary>
    /// Whether steps of antithetic pairs (<see cref="NoiseStability"/>) read off the curvature while they move the parameters; true by
    /// default: it takes no pass of its own and changes no number of the training. A given <see cref="Runner"/> may not measure.
    /// </summary>
    public bool MeasureCurvature { get; init; } = true;

    /// <summary>The running estimates of the curvature over the steps since its last <see cref="CurvatureMeter.Reset"/>.</summary>
    public CurvatureMeter Curvature { get; } = new();

    /// <summary>What happens where a loss or gradient is not finite.</summary>
    public NonFinitePolicy NonFinite { get; init; } = NonFinitePolicy.Throw;

    /// <summary>What happens around each update, in this order.</summary>
    public IList<IUpdateHook> Hooks { get; } = [];

    /// <summary>The number of the next step, from 0; it drives the noise.</summary>
    public long StepCount { get; private set; }

    /// <summary>Steps whose update was left out (<see cref="NonFinitePolicy.Skip"/>).</summary>
    public long SkippedSteps { get; private set; }

    /// <summary>The parameters as one vector space; it follows changes of <c>requires_grad</c> and added groups at the next step.</summary>
    public ParameterSpace Space => _trained.Space;

    /// <inheritdoc/>
    public override IEnumerable<torch.optim.ILearningRateController> ParamGroups => _base.ParamGroups;

    /// <inheritdoc/>
    public override IEnumerable<Parameter> parameters() => _base.parameters();

    /// <inheritdoc/>
    public override void zero_grad() => _base.zero_grad();

    /// <inheritdoc/>
    public override void add_param_group(ParamGroup param_group) => _base.add_param_group(param_group);

    /// <summary>One step.</summary>
    /// <param name="objective">The loss of the step's mini-batch.</param>
    /// <param name="second">The loss of a second mini-batch, for methods that take two; others do not look at it.</param>
    /// <exception cref="NonFiniteGradientException">A loss or the gradient is not finite, and <see cref="NonFinite"/> is
    /// <see cref="NonFinitePolicy.Throw"/>.</exception>
    /// <exception cref="InvalidOperationException">The method ran no probe, or another thread uses the model.</exception>
    /// <exception cref="ObjectDisposedException">The optimizer has been disposed of.</exception>
    public StepResult Step(IObjective objective, IObjective? second = null)
    {
        ArgumentNullException.ThrowIfNull(objective);
        Follow();
        using ModelUse use = ModelUse.Alone(Space.Parameters);
        MethodContext context;
        double norm;
        bool finite;
        _trained.Begin();
        try
        {
            (context, norm, finite) = ComputeGradient(objective, second);
            if (finite)
                context.Accept();
        }
        finally
        {
            _trained.End();
        }

        if (finite)
        {
            if (context.Curvature is not null)
                Curvature.Add(context.Curvature);
            new UpdateContext(Space, _trained.Gradient, StepCount, _base, context.Loss).Update(Hooks);
        }
        else
        {
            SkippedSteps++;
        }
        StepCount++;
        return new StepResult(context.Loss, context.Losses, norm, !finite)
        {
            GradientEvaluations = context.GradientEvaluations,
            Curvature = context.Curvature,
            Trace = context.Curvature is null ? null : Curvature.Trace,
        };
    }

    /// <summary>The standard deviations of the posterior that the method keeps around the weights (<see cref="IPosteriorMethod"/>).</summary>
    /// <returns>One new tensor a parameter of <see cref="Space"/>, in the current dispose scope; null where the method keeps none.</returns>
    public IReadOnlyList<Tensor>? PosteriorDeviations()
    {
        Follow();
        if (DecoratedMethod.Innermost(Method) is not IPosteriorMethod method)
            return null;
        using ParameterVector deviations = Space.CreateVector();
        method.PosteriorDeviations(_trained.State, deviations);
        return [.. deviations.Blocks.Select(block => block.clone())];
    }

    /// <summary>
    /// The method's own estimate of the trace of the Hessian of the mean loss (<see cref="IPosteriorMethod.HessianTrace"/>); NaN where it has none.
    /// </summary>
    public double HessianTrace()
    {
        Follow();
        return DecoratedMethod.Innermost(Method) is IPosteriorMethod method ? method.HessianTrace(_trained.State) : double.NaN;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _trained.Dispose();
            _runner.Dispose();
            if (!ReferenceEquals(_runner, _ownRunner))
                _ownRunner.Dispose();
        }
        base.Dispose(disposing);
    }

    // A runner that the caller has given stays, in whatever order the options are set.
    private void RenewOwnRunner()
    {
        bool used = ReferenceEquals(_runner, _ownRunner);
        _ownRunner = new SequentialProbeRunner(Model, _batchNorm, _replayRandomNumbers);
        if (used)
            _runner = _ownRunner;
    }

    private void Follow()
    {
        if (_trained.Follow())
            Curvature.Reset();
    }

    // The method's gradient, with the weights where they were.
    private (MethodContext Context, double Norm, bool Finite) ComputeGradient(IObjective objective, IObjective? second)
    {
        var step = new ProbeStep(objective, Space, Method.ShapeNoise(Noise, Space, _base), StepCount)
        {
            Curvature = MeasureCurvature ? _trained.Pairs : null,
            Centre = _trained.Centre,
            Second = second,
        };
        var context = new MethodContext(_runner, step, _trained.Gradient, _trained.State, _base);
        double norm;
        bool finite, completed = false;
        try
        {
            _runner.Begin(step);
            Method.ComputeGradient(context);
            if (context.Losses.Count == 0)
                throw new InvalidOperationException($"{Method.Name} ran no probe at step {StepCount}: ComputeGradient must run at least one");
            norm = _trained.Gradient.Norm();
            finite = double.IsFinite(norm) && context.Losses.All(double.IsFinite);
            if (finite && Model is not null && _runner.WantsCleanForward)
            {
                context.EvaluateCentre();
                finite = double.IsFinite(context.Loss);
            }
            completed = finite;
        }
        finally
        {
            _runner.End(completed);
        }
        if (!finite && NonFinite == NonFinitePolicy.Throw)
            throw new NonFiniteGradientException(StepCount, context.Losses, norm);
        if (finite)
            context.Curvature = step.Curvature?.Complete(context.CentreLoss);
        return (context, norm, finite);
    }
}
