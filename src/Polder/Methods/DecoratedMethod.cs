namespace Polder.Methods;

/// <summary>A method around another: it is called as that one is, and does what that one does unless it says otherwise.</summary>
public abstract record DecoratedMethod : IGradientMethod
{
    /// <summary>Decorates a method.</summary>
    /// <param name="method">The method.</param>
    private protected DecoratedMethod(IGradientMethod method)
    {
        ArgumentNullException.ThrowIfNull(method);
        Method = method;
    }

    /// <summary>The method inside.</summary>
    public IGradientMethod Method { get; }

    /// <inheritdoc/>
    public string Name => Method.Name;

    /// <inheritdoc/>
    public int GradientEvaluations => Method.GradientEvaluations;

    /// <inheritdoc/>
    public ParameterSelection? Moves => Method.Moves;

    /// <inheritdoc/>
    public bool TakesSecondBatch => Method.TakesSecondBatch;

    /// <inheritdoc/>
    public bool TakesOutputs => Method.TakesOutputs;

    /// <inheritdoc/>
    public virtual int GradientEvaluationsAt(long step) => Method.GradientEvaluationsAt(step);

    /// <inheritdoc/>
    public virtual bool ActsAt(long step) => Method.ActsAt(step);

    /// <inheritdoc/>
    public virtual void Validate() => Method.Validate();

    /// <inheritdoc/>
    public void ValidateBase(OptimizerHelper @base) => Method.ValidateBase(@base);

    /// <inheritdoc/>
    public NoiseStream ShapeNoise(NoiseStream noise, ParameterSpace space, OptimizerHelper @base) => Method.ShapeNoise(noise, space, @base);

    /// <inheritdoc/>
    public abstract void ComputeGradient(MethodContext context);

    /// <inheritdoc/>
    public void ComputeGradientBeforeStart(MethodContext context) => Method.ComputeGradientBeforeStart(context);

    /// <summary>The method that is inside all decorations.</summary>
    internal static IGradientMethod Innermost(IGradientMethod method) => method is DecoratedMethod decorated ? Innermost(decorated.Method) : method;
}
