namespace Polder.Parameters;

/// <summary>
/// The distinct trainable parameters of a model, in the order of the base optimizer, seen as one vector space of
/// <see cref="Dimension"/> elements: element e runs through the parameters, each row-major, without padding.
/// </summary>
/// <remarks>
/// Parameters are moved in place and never re-pointed: their tensors, handles and the optimizer's state stay what they are.
/// A parameter that occurs twice (tied weights) counts once; one with <c>requires_grad = false</c> is left out.
/// </remarks>
public sealed class ParameterSpace
{
    private readonly Parameter[] _parameters;
    private readonly Dictionary<Parameter, int> _places = new(ReferenceEqualityComparer.Instance);
    private readonly IntPtr[] _handles;
    private readonly long[] _offsets;
    private readonly bool[] _received;
    private readonly ParameterMover _mover;

    private ParameterSpace(Parameter[] parameters)
    {
        _parameters = parameters;
        _handles = Array.ConvertAll(parameters, p => p.Handle);
        _offsets = new long[parameters.Length];
        _received = new bool[parameters.Length];
        for (int i = 0; i < parameters.Length; i++)
        {
            _places[parameters[i]] = i;
            _offsets[i] = Dimension;
            Dimension += parameters[i].numel();
        }
        _mover = new ParameterMover(this);
    }

    /// <summary>The parameters, in order.</summary>
    public IReadOnlyList<Parameter> Parameters => _parameters;

    /// <summary>The number of elements of all parameters.</summary>
    public long Dimension { get; }

    /// <summary>For each parameter the index of its first element in the flat vector.</summary>
    public IReadOnlyList<long> Offsets => _offsets;

    /// <summary>Whether the check of the closure contract has run (<c>ClosureObjective</c>): once for a space.</summary>
    internal bool ClosureContractChecked { get; set; }

    /// <summary>The space of the distinct trainable parameters among <paramref name="parameters"/>.</summary>
    /// <exception cref="ArgumentException">No parameter requires a gradient, or one is complex or of an integer type.</exception>
    /// <exception cref="InvalidOperationException">A parameter has been replaced, for example by converting the model's data type.</exception>
    public static ParameterSpace Of(IEnumerable<Parameter> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        Parameter[] distinct = [.. SelectTrainable(parameters)];
        if (distinct.Length == 0)
            throw new ArgumentException("none of the parameters requires a gradient", nameof(parameters));
        if (Array.Find(distinct, p => !p.is_floating_point()) is { } wrong)
            throw new ArgumentException($"a parameter has data type {wrong.dtype}; floating-point types are allowed", nameof(parameters));
        return new ParameterSpace(distinct);
    }

    /// <summary>Whether the space is still that of the trainable parameters among <paramref name="parameters"/> (none added, frozen or unfrozen).</summary>
    /// <exception cref="InvalidOperationException">A parameter's tensor has been replaced, for example by converting the model's data type.</exception>
    public bool IsSpaceOf(IEnumerable<Parameter> parameters)
    {
        // A conversion puts another tensor into the same Parameter object; the base optimizer's state is kept by tensor.
        for (int i = 0; i < _parameters.Length; i++)
            if (_parameters[i].IsInvalid || _parameters[i].Handle != _handles[i])
                throw Replaced();
        int next = 0;
        foreach (Parameter parameter in SelectTrainable(parameters))
            if (next == _parameters.Length || !ReferenceEquals(_parameters[next++], parameter))
                return false;
        return next == _parameters.Length;
    }

    /// <summary>The place of a parameter among <see cref="Parameters"/>; -1 where it is none of them (frozen, or another model's).</summary>
    /// <param name="parameter">The parameter itself: parameters of equal values are not the same.</param>
    public int IndexOf(Parameter parameter) => _places.GetValueOrDefault(parameter, -1);

    /// <summary>A new zero vector of this space; the caller owns it.</summary>
    public ParameterVector CreateVector() => new(this);

    /// <summary>Copies the parameters as they stand into <paramref name="vector"/>.</summary>
    public void Save(ParameterVector vector)
    {
        ArgumentNullException.ThrowIfNull(vector);
        using var noGrad = no_grad();
        for (int i = 0; i < _parameters.Length; i++)
            vector.Blocks[i].copy_(_parameters[i]);
    }

    /// <summary>Copies <paramref name="vector"/> into the parameters: bit for bit what <see cref="Save"/> has seen.</summary>
    public void Restore(ParameterVector vector)
    {
        ArgumentNullException.ThrowIfNull(vector);
        using var noGrad = no_grad();
        for (int i = 0; i < _parameters.Length; i++)
            _parameters[i].copy_(vector.Blocks[i]);
    }

    /// <summary>Moves the parameters by <paramref name="scale"/> times <paramref name="direction"/> from where they stand.</summary>
    public void Move(ParameterVector direction, double scale)
    {
        ArgumentNullException.ThrowIfNull(direction);
        using var noGrad = no_grad();
        using Scalar factor = scale.ToScalar();
        for (int i = 0; i < _parameters.Length; i++)
            _parameters[i].add_(direction.Blocks[i], factor);
    }

    /// <summary>Puts the parameters at <paramref name="origin"/> + <paramref name="scale"/> U, with U the draw of a step of <paramref name="noise"/>.</summary>
    public void MoveTo(ParameterVector origin, NoiseStream noise, long step, int draw, double scale)
    {
        ArgumentNullException.ThrowIfNull(origin);
        RequireLength(noise);
        _mover.Move(origin, noise, step, draw, scale);
    }

    /// <summary>Puts the parameters, now at <paramref name="origin"/> + V, at <paramref name="origin"/> - V.</summary>
    public void Mirror(ParameterVector origin)
    {
        ArgumentNullException.ThrowIfNull(origin);
        _mover.Mirror(origin, null);
    }

    /// <summary>The pieces that passes over the parameters go through.</summary>
    internal ParameterPieces Pieces => _mover.Pieces;

    /// <summary>As <see cref="MoveTo(ParameterVector, NoiseStream, long, int, double)"/>, with an observer of the curvature.</summary>
    internal void MoveTo(
        ParameterVector origin, NoiseStream noise, long step, int draw, double scale, MoveObserver? observer, bool mirrored = false) =>
        _mover.Move(origin, noise, step, draw, scale, observer, mirrored);

    /// <summary>
    /// As <see cref="Save"/> and <see cref="MoveTo(ParameterVector, NoiseStream, long, int, double)"/> from there, and <see cref="Mirror(ParameterVector)"/>
    /// where asked for, bit for bit and in one pass.
    /// </summary>
    internal void Leave(
        ParameterVector origin, NoiseStream noise, long step, int draw, double scale, MoveObserver? observer, bool mirrored = false) =>
        _mover.Leave(origin, noise, step, draw, scale, observer, mirrored);

    /// <summary>As <see cref="Mirror(ParameterVector)"/>, bit for bit, with an observer of the curvature.</summary>
    internal void Mirror(ParameterVector origin, MoveObserver observer) => _mover.Mirror(origin, observer);

    /// <summary>As <see cref="Restore(ParameterVector)"/>, with an observer of the curvature.</summary>
    internal void Restore(ParameterVector origin, MoveObserver observer) => _mover.Restore(origin, observer);

    /// <summary>Writes a draw of <paramref name="noise"/>, of unit variance, into <paramref name="vector"/>.</summary>
    public void Materialize(NoiseStream noise, long step, int draw, ParameterVector vector)
    {
        RequireLength(noise);
        ArgumentNullException.ThrowIfNull(vector);
        _mover.Materialize(noise, step, draw, vector);
    }

    /// <summary>
    /// Whether a gradient has ever reached a parameter. The base optimizer sees the others without a gradient and leaves them alone;
    /// with a zero gradient it would still move them by weight decay.
    /// </summary>
    /// <param name="parameter">The parameter's index.</param>
    public bool HasReceivedGradient(int parameter) => _received[parameter];

    /// <summary>Says that a gradient has reached a parameter (<see cref="HasReceivedGradient"/>).</summary>
    /// <param name="parameter">The parameter's index.</param>
    public void MarkReceivedGradient(int parameter) => _received[parameter] = true;

    /// <summary>Says that a gradient has reached every parameter; an analytic objective that writes the whole vector calls it.</summary>
    public void MarkReceivedGradient() => Array.Fill(_received, true);

    /// <summary>Takes over which parameters a gradient has reached, from a saved run.</summary>
    internal void SetReceivedGradient(ReadOnlySpan<bool> received) => received.CopyTo(_received);

    /// <summary>Refuses noise that has another number of elements than the parameters (<see cref="NoiseStream.Elements"/>).</summary>
    /// <exception cref="ArgumentException">It has; the message says both.</exception>
    internal void RequireLength(NoiseStream noise)
    {
        ArgumentNullException.ThrowIfNull(noise);
        if (noise.Elements is { } elements && elements != Dimension)
        {
            throw new ArgumentException(
                $"the noise has {elements} elements a draw and the trainable parameters have {Dimension}: "
                + "values[step, draw, element] runs through all of them in the base optimizer's order", nameof(noise));
        }
    }

    /// <summary>Takes over what an earlier space knew of the parameters that both have.</summary>
    internal void Inherit(ParameterSpace earlier)
    {
        for (int i = 0; i < _parameters.Length; i++)
            _received[i] = earlier.IndexOf(_parameters[i]) is var place and >= 0 && earlier._received[place];
    }

    private static IEnumerable<Parameter> SelectTrainable(IEnumerable<Parameter> parameters)
    {
        var seen = new HashSet<IntPtr>();
        foreach (Parameter parameter in parameters)
        {
            if (parameter is null)
                continue;
            if (parameter.IsInvalid)
                throw Replaced();
            if (parameter.requires_grad && seen.Add(parameter.Handle))
                yield return parameter;
        }
    }

    private static InvalidOperationException Replaced() =>
        new("a parameter of the optimizer no longer exists: convert the model (data type, device) before making the optimizer");
}
