using System.Globalization;

namespace Polder.Methods;

/// <summary>
/// The standard deviation of a method's noise over the steps: a number, or a schedule. A number converts by itself, so that
/// <c>Sigma = 0.01</c> is the constant.
/// </summary>
/// <remarks>A schedule is a pure function of the step's number, so it needs no state and a resumed run goes on where it was.</remarks>
public readonly record struct Sigma
{
    private readonly Shape _shape;
    private readonly double _from;
    private readonly long _steps;
    private readonly Func<long, double>? _callback;

    private Sigma(Shape shape, double value, double from = 0, long steps = 1, Func<long, double>? callback = null)
    {
        (_shape, Value, _from, _steps, _callback) = (shape, value, from, steps, callback);
    }

    private enum Shape
    {
        Constant,
        Linear,
        LogLinear,
        Cosine,
        Late,
        Callback,
        Auto,
    }

    /// <summary>The value that the schedule ends at (for a callback: its value at step 0).</summary>
    public double Value { get; }

    /// <summary>Whether sigma is the same at every step.</summary>
    public bool IsConstant => _shape == Shape.Constant;

    /// <summary>Whether sigma is 0 at every step.</summary>
    public bool IsZero => IsConstant && Value == 0;

    /// <summary>The same sigma at every step.</summary>
    public static implicit operator Sigma(double value) => FromDouble(value);

    /// <summary><see cref="Value"/>.</summary>
    public static implicit operator double(Sigma sigma) => sigma.ToDouble();

    /// <summary>The same sigma at every step.</summary>
    public static Sigma FromDouble(double value) => new(Shape.Constant, value);

    /// <summary>
    /// A straight line from <paramref name="from"/> at step 0 to <paramref name="to"/> at step <paramref name="steps"/>, and constant from there on.
    /// </summary>
    public static Sigma Linear(double to, long steps, double from = 0) => new(Shape.Linear, to, from, steps);

    /// <summary>
    /// A straight line in log sigma from <paramref name="from"/> at step 0 to <paramref name="to"/> at step <paramref name="steps"/>, constant from
    /// there on; both above 0.
    /// </summary>
    public static Sigma LogLinear(double to, long steps, double from = 1e-5) => new(Shape.LogLinear, to, from, steps);

    /// <summary>
    /// Half a cosine from <paramref name="from"/> at step 0 to <paramref name="to"/> at step <paramref name="steps"/>, flat at both ends, constant
    /// from there on.
    /// </summary>
    public static Sigma Cosine(double to, long steps, double from = 0) => new(Shape.Cosine, to, from, steps);

    /// <summary>
    /// 0 for the first <paramref name="share"/> of <paramref name="steps"/> steps, which then cost what the base optimizer's cost, and
    /// <paramref name="value"/> after.
    /// </summary>
    /// <param name="value">The value of the late phase.</param>
    /// <param name="steps">The number of steps of the run.</param>
    /// <param name="share">The share of the steps before the late phase, 0 to 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="share"/> is not between 0 and 1, or <paramref name="steps"/> is below 1.</exception>
    public static Sigma Late(double value, long steps, double share = 0.5)
    {
        Require.Share(share);
        Require.AtLeast(steps, 1);
        return new(Shape.Late, value, 0, (long)Math.Ceiling(share * steps));
    }

    /// <summary>Any function of the step's number, from 0; it must be pure, so that a resumed run goes on alike.</summary>
    public static Sigma From(Func<long, double> schedule)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        return new(Shape.Callback, schedule(0), callback: schedule);
    }

    /// <summary>
    /// A sigma that follows the curvature: its penalty P = (sigma^2 / 2) Tr(Hessian) is kept at a share of F, the mean of the pairs' losses.
    /// log sigma^2 moves by at most 1 % of sigma^2 a step towards log(sigma^2 share F / P), with slow means of the trace that the pairs show by
    /// themselves and of
    /// F, rests while the trace is not above two standard errors, and stays between a tenth and ten times the start. For <see cref="NoiseStability"/> only.
    /// </summary>
    /// <param name="share">The share, above 0 and below 1.</param>
    /// <param name="start">The sigma to start from, above 0.</param>
    /// <remarks>Unlike a schedule it has a state, which is saved with the optimizer's.</remarks>
    public static Sigma Auto(double share, double start = 0.01) => new(Shape.Auto, start, share);

    /// <summary>Whether sigma follows the curvature (<see cref="Auto"/>).</summary>
    public bool IsAuto => _shape == Shape.Auto;

    /// <summary>sigma at a step, from 0; of <see cref="Auto"/>, which depends on what the steps see, the start.</summary>
    /// <exception cref="InvalidOperationException">A callback returned a number that is not finite or below 0.</exception>
    public double At(long step)
    {
        double progress = Math.Min(1, (double)step / _steps);
        double sigma = _shape switch
        {
            Shape.Constant or Shape.Auto => Value,
            Shape.Late => step < _steps ? 0 : Value,
            Shape.Callback => _callback!(step),
            _ when progress >= 1 => Value,
            Shape.Linear => _from + ((Value - _from) * progress),
            Shape.LogLinear => Math.Exp(Math.Log(_from) + ((Math.Log(Value) - Math.Log(_from)) * progress)),
            _ => _from + ((Value - _from) * (1 - Math.Cos(Math.PI * progress)) / 2),
        };
        return double.IsFinite(sigma) && sigma >= 0
            ? sigma
            : throw new InvalidOperationException($"the schedule gave sigma = {sigma} at step {step}; it must be a finite number of at least 0");
    }

    /// <summary><see cref="Value"/>.</summary>
    public double ToDouble() => Value;

    /// <summary>The number, or the schedule in words.</summary>
    public override string ToString() => _shape switch
    {
        Shape.Constant => Value.ToString(CultureInfo.InvariantCulture),
        Shape.Callback => "callback",
        Shape.Auto => string.Create(CultureInfo.InvariantCulture, $"auto, a share of {_from} from {Value}"),
        Shape.Late => string.Create(CultureInfo.InvariantCulture, $"{Value} from step {_steps}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{_shape} {_from} to {Value} in {_steps} steps"),
    };

    /// <summary>sigma at the step at hand.</summary>
    internal double At(MethodContext context) => IsAuto ? SigmaBudget.Current(context.State, Value) : At(context.Step);

    /// <summary>Takes in what the step at hand sees of the curvature, once it is accepted.</summary>
    internal void Follow(MethodContext context)
    {
        if (!IsAuto)
            return;
        var (start, share) = (Value, _from);
        context.WhenAccepted(() => SigmaBudget.Follow(context.State, context.Curvature, start, share));
    }

    internal void Validate(string name = "Sigma", bool hasPairs = false)
    {
        Require.That(!IsAuto || hasPairs, ToString(), "a number or a schedule: Auto reads the curvature off antithetic pairs, which nso has", name);
        Require.That(!IsAuto || _from is > 0 and < 1, _from, "above 0 and below 1", $"{name}.Auto's share");
        Require.That(!IsAuto || Value > 0, Value, "above 0", $"{name}.Auto's start");
        Require.NotNegative(Value, name);
        Require.NotNegative(_from, name);
        Require.That(_shape is not (Shape.Linear or Shape.LogLinear or Shape.Cosine) || _steps >= 1, _steps, "a schedule of at least 1 step", name);
        Require.That(_shape != Shape.LogLinear || (Value > 0 && _from > 0), Math.Min(Value, _from), "above 0 at both ends of a log-linear schedule", name);
    }
}
