namespace Polder.Objectives;

/// <summary>
/// The loss of a model over a whole data set as a function of its parameters: what curvature, noise stability and loss surfaces are
/// measured of. Each measurement goes through the data once, in evaluation mode, and leaves modes, gradients and buffers as they were.
/// </summary>
/// <remarks>
/// It holds the model and the data and owns neither. Data is enumerated anew for each measurement, so it must give the same batches each
/// time; two passes are compared before the first product (<see cref="EmpiricalLossOptions.CheckDeterminism"/>).
/// </remarks>
public sealed partial class EmpiricalLoss : IForwardObjective
{
    private readonly nn.Module? _model;
    private readonly Func<IEnumerable<BatchLoss>> _batches;
    private readonly string[] _names;
    private bool _checked;

    private EmpiricalLoss(
        nn.Module? model, IReadOnlyList<(string Name, Parameter Parameter)> parameters, Func<IEnumerable<BatchLoss>> batches, EmpiricalLossOptions? options)
    {
        options ??= new EmpiricalLossOptions();
        options.Validate();
        (_model, _batches, Options) = (model, batches, options);
        _checked = !options.CheckDeterminism;
        (string Name, Parameter Parameter)[] selected = [.. parameters.Where(p => options.Parameters?.Contains(p.Parameter) ?? true)];
        if (selected.Length == 0)
            throw new ArgumentException("the selection holds none of the model's parameters", nameof(options));
        Space = ParameterSpace.Of(selected.Select(p => p.Parameter));
        _names = [.. Space.Parameters.Select(kept => selected.First(p => ReferenceEquals(p.Parameter, kept)).Name)];
        Parameter first = Space.Parameters[0];
        if (Space.Parameters.FirstOrDefault(p => p.dtype != first.dtype || p.device_type != first.device_type) is { } other)
            throw new ArgumentException(
                $"the parameters are {first.dtype} on {first.device_type} and {other.dtype} on {other.device_type}; curvature needs one type and one device",
                nameof(parameters));
        if (first.dtype is not (ScalarType.Float32 or ScalarType.Float64))
            throw new ArgumentException($"the parameters are {first.dtype}; allowed: Float32, Float64", nameof(parameters));
        Tensors = [.. _names.Select((name, i) => new ParameterBlock(name, Space.Offsets[i], Space.Parameters[i].numel()))];
        Layers = ParameterBlock.ByLayer(Tensors);
    }

    /// <summary>The parameters, in the model's order.</summary>
    public ParameterSpace Space { get; }

    /// <summary>What is measured, and how.</summary>
    public EmpiricalLossOptions Options { get; }

    /// <summary>The parameter tensors by name, in the order of the flat vector.</summary>
    public IReadOnlyList<ParameterBlock> Tensors { get; }

    /// <summary>The layers: consecutive parameters of one module (weight and bias) are one.</summary>
    public IReadOnlyList<ParameterBlock> Layers { get; }

    /// <summary>The type of parameters and vectors; inputs and targets of floating point are converted to it.</summary>
    public ScalarType DataType => Space.Parameters[0].dtype;

    /// <summary>Where the parameters live; inputs and targets are brought there.</summary>
    public Device Device => Space.Parameters[0].device;

    /// <summary>The same loss as a function of some of its parameters.</summary>
    /// <exception cref="ArgumentException">The selection holds none of this loss's parameters.</exception>
    public EmpiricalLoss Restrict(ParameterSelection selection)
    {
        ArgumentNullException.ThrowIfNull(selection);
        var parameters = _names.Zip(Space.Parameters).Where(p => selection.Contains(p.Second)).ToArray();
        if (parameters.Length == 0)
            throw new ArgumentException("the selection holds none of this loss's parameters", nameof(selection));
        return new EmpiricalLoss(_model, parameters, _batches, Options with { Parameters = null }) { _checked = _checked, _ranks = _ranks };
    }

    /// <summary>The same loss as a function of the parameters of one block of <see cref="Tensors"/> or <see cref="Layers"/>.</summary>
    /// <exception cref="ArgumentException">The block is not one of this loss.</exception>
    public EmpiricalLoss Restrict(ParameterBlock block)
    {
        ArgumentNullException.ThrowIfNull(block);
        return Restrict(
            ParameterSelection.Of(Space.Parameters.Where((_, i) => Space.Offsets[i] >= block.Offset && Space.Offsets[i] < block.Offset + block.Count)));
    }

    /// <summary>The loss at the parameters as they stand, without a graph.</summary>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="ArithmeticException">The loss of a batch is not finite.</exception>
    public double Value(CancellationToken cancellation = default)
    {
        EnsureDeterministic(cancellation);
        using var session = new MeasurementSession(_model, Space, Options.Mode);
        using var noGrad = no_grad();
        var values = new List<(int Number, double Value, double Weight)>();
        foreach (BatchLoss batch in Batches(cancellation))
        {
            using var scope = NewDisposeScope();
            values.Add((batch.Number, batch.Value(), WeightOf(batch)));
        }
        (double sum, double total) = Fold(values);
        return Options.Reduction == LossReduction.Mean ? sum / total : sum;
    }

    /// <summary>The gradient at the parameters as they stand.</summary>
    /// <param name="cancellation">Stops between batches.</param>
    /// <returns>[d]; a new tensor of the caller's dispose scope.</returns>
    /// <exception cref="InvalidOperationException">The loss does not depend on the parameters.</exception>
    public Tensor Gradient(CancellationToken cancellation = default) => ValueAndGradient(cancellation).Gradient;

    /// <summary>The loss and its gradient at the parameters as they stand, by one pass over the data.</summary>
    /// <inheritdoc cref="Gradient"/>
    /// <exception cref="ArithmeticException">The loss of a batch is not finite.</exception>
    public (double Value, Tensor Gradient) ValueAndGradient(CancellationToken cancellation = default)
    {
        EnsureDeterministic(cancellation);
        using var scope = NewDisposeScope();
        Tensor gradient = zeros([Space.Dimension], DataType, Device);
        using var session = new MeasurementSession(_model, Space, Options.Mode);
        double value = AddGradient(gradient, cancellation);
        return (value, gradient.MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    /// <remarks>Unlike a closure's, mode, gradients and buffers of the model are as they were afterwards.</remarks>
    public double Evaluate(ParameterSpace space) => Evaluate(space, default);

    /// <inheritdoc/>
    public double Evaluate(ParameterSpace space, CancellationToken cancellation)
    {
        RequireOwn(space);
        return Value(cancellation);
    }

    /// <inheritdoc/>
    public double Accumulate(ParameterSpace space, ParameterVector gradient, double weight) => Accumulate(space, gradient, weight, default);

    /// <inheritdoc/>
    public double Accumulate(ParameterSpace space, ParameterVector gradient, double weight, CancellationToken cancellation)
    {
        RequireOwn(space);
        ArgumentNullException.ThrowIfNull(gradient);
        using var scope = NewDisposeScope();
        (double value, Tensor flat) = ValueAndGradient(cancellation);
        using var noGrad = no_grad();
        using Scalar factor = weight.ToScalar();
        Tensor[] views = Views(flat);
        for (int i = 0; i < views.Length; i++)
            gradient.Blocks[i].add_(views[i], factor);
        return value;
    }

    /// <summary>
    /// Compares two passes over the data, batch by batch: what draws random numbers, moves with each pass, or comes in another order
    /// cannot be measured by products that each see another function.
    /// </summary>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="InvalidOperationException">The passes differ; the message says how and why that may be.</exception>
    public void RequireDeterminism(CancellationToken cancellation = default)
    {
        using var session = new MeasurementSession(_model, Space, Options.Mode);
        DeterminismCheck.Require(() => Batches(cancellation), DataType);
        _checked = true;
    }

    internal void EnsureDeterministic(CancellationToken cancellation)
    {
        if (!_checked)
            RequireDeterminism(cancellation);
    }

    /// <summary>Sets mode and gradients for a measurement and gives everything back when it is disposed of.</summary>
    internal MeasurementSession Enter() => new(_model, Space, Options.Mode);

    internal IEnumerable<BatchLoss> Batches(CancellationToken cancellation)
    {
        bool any = false;
        foreach (BatchLoss batch in _batches())
        {
            cancellation.ThrowIfCancellationRequested();
            any = true;
            if (IsOwn(batch))
                yield return batch;
        }
        if (!any)
            throw new InvalidOperationException(
                "the data has no batch: a loss over nothing has no curvature (data that can be enumerated only once is empty the second time)");
    }

    internal double WeightOf(BatchLoss batch) => Options.Reduction == LossReduction.Mean ? batch.Count : 1;

    /// <summary>Adds the gradient to a flat vector and returns the loss; within a session.</summary>
    internal double AddGradient(Tensor flat, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        Tensor[] parameters = [.. Space.Parameters];
        Tensor sum = zeros_like(flat);
        Tensor[] views = Views(sum);
        double value = 0, total = 0;
        foreach (BatchLoss batch in Batches(cancellation))
        {
            using var pass = NewDisposeScope();
            double weight = WeightOf(batch);
            total += weight;
            using (enable_grad())
            {
                Tensor own = batch.CheckedLoss(), loss = own.mul(Number(weight));
                value += weight * own.detach().ToDouble();
                for (int i = 0; i < parameters.Length; i++)
                    parameters[i].grad = views[i];
                autograd.backward([loss], retain_graph: false, create_graph: false, inputs: parameters);
            }
            MeasurementSession.Clear(Space);
        }
        using var noGrad = no_grad();
        if (Share is { Group: > 0 })
            sum.zero_().Dispose(); // the same batches are another rank's
        Combine(sum.unsqueeze(0), ref value, ref total);
        flat.add_(Options.Reduction == LossReduction.Mean ? sum.div_(Number(total)) : sum);
        return Options.Reduction == LossReduction.Mean ? value / total : value;
    }

    /// <summary>Views of a flat vector, one a parameter, in its shape; of the current dispose scope.</summary>
    internal Tensor[] Views(Tensor flat)
    {
        var views = new Tensor[Space.Parameters.Count];
        for (int i = 0; i < views.Length; i++)
            views[i] = flat.narrow(0, Space.Offsets[i], Space.Parameters[i].numel()).view(Space.Parameters[i].shape);
        return views;
    }

    private void RequireOwn(ParameterSpace space)
    {
        if (!ReferenceEquals(space, Space))
            throw new ArgumentException($"the loss is a function of its own {nameof(Space)}, not of another parameter space", nameof(space));
    }

    // A model in float64 is measured on the float32 images of its loader.
    private Tensor Adopt(Tensor tensor)
    {
        Tensor adopted = tensor.is_floating_point() ? tensor.to(DataType, Device) : tensor.to(Device);
        return ReferenceEquals(adopted, tensor) ? tensor.alias() : adopted;
    }
}
