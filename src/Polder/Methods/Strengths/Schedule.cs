using System.Globalization;

namespace Polder.Methods;

/// <summary>
/// A strength of a method (the size rho of an ascent, a budget) over the steps: a number, or a function of the step's number that rises or falls. A number
/// converts by itself, so that <c>Rho = 0.05</c> is the constant.
/// </summary>
/// <remarks>It is a pure function of the step's number, so it needs no state and a resumed run goes on where it was.</remarks>
public readonly record struct Schedule
{
    private readonly Shape _shape;
    private readonly double _from;
    private readonly long _steps, _start;
    private readonly Func<long, double>? _callback;

    private Schedule(Shape shape, double value, double from = 0, long steps = 1, Func<long, double>? callback = null, long start = 0)
    {
        (_shape, Value, _from, _steps, _callback, _start) = (shape, value, from, steps, callback, start);
    }

    private enum Shape
    {
        Constant,
        Linear,
        LogLinear,
        Cosine,
        Late,
        Callback,
    }

    /// <summary>The value that the schedule ends at (for a callback: its value at step 0).</summary>
    public double Value { get; }

    /// <summary>Whether the strength is the same at every step.</summary>
    public bool IsConstant => _shape == Shape.Constant;

    /// <summary>Whether the strength is 0 at every step.</summary>
    public bool IsZero => IsConstant && Value == 0;

    /// <summary>The same strength at every step.</summary>
    public static implicit operator Schedule(double value) => FromDouble(value);

    /// <summary><see cref="Value"/>.</summary>
    public static implicit operator double(Schedule schedule) => schedule.ToDouble();

    /// <summary>The same strength at every step.</summary>
    public static Schedule FromDouble(double value) => new(Shape.Constant, value);

    /// <summary>
    /// A straight line from <paramref name="from"/> at step 0 to <paramref name="to"/> at step <paramref name="steps"/>, and constant from there on.
    /// </summary>
    public static Schedule Linear(double to, long steps, double from = 0) => new(Shape.Linear, to, from, steps);

    /// <summary>
    /// A straight line in the logarithm from <paramref name="from"/> at step 0 to <paramref name="to"/> at step <paramref name="steps"/>, constant from
    /// there on; both above 0.
    /// </summary>
    public static Schedule LogLinear(double to, long steps, double from = 1e-5) => new(Shape.LogLinear, to, from, steps);

    /// <summary>
    /// Half a cosine from <paramref name="from"/> at step 0 to <paramref name="to"/> at step <paramref name="steps"/>, flat at both ends, constant
    /// from there on.
    /// </summary>
    public static Schedule Cosine(double to, long steps, double from = 0) => new(Shape.Cosine, to, from, steps);

    /// <summary>0 for the first <paramref name="share"/> of <paramref name="steps"/> steps, and <paramref name="value"/> after.</summary>
    /// <param name="value">The value of the late phase.</param>
    /// <param name="steps">The number of steps of the run.</param>
    /// <param name="share">The share of the steps before the late phase, 0 to 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="share"/> is not between 0 and 1, or <paramref name="steps"/> is below 1.</exception>
    public static Schedule Late(double value, long steps, double share = 0.5)
    {
        Require.Share(share);
        Require.AtLeast(steps, 1);
        return new(Shape.Late, value, 0, (long)Math.Ceiling(share * steps));
    }

    /// <summary>
    /// <paramref name="value"/>, and over the last <paramref name="share"/> of <paramref name="steps"/> steps from there to 0 by half a cosine; constant where
    /// the share is 0.
    /// </summary>
    /// <param name="value">The value before it falls.</param>
    /// <param name="steps">The number of steps of the run.</param>
    /// <param name="share">The share of the steps over which it falls, 0 to 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="share"/> is not between 0 and 1, or <paramref name="steps"/> is below 1.</exception>
    public static Schedule Annealed(double value, long steps, double share)
    {
        Require.Share(share);
        Require.AtLeast(steps, 1);
        return share == 0 ? FromDouble(value) : new(Shape.Cosine, 0, value, steps, start: (long)((1 - share) * steps));
    }

    /// <summary>Any function of the step's number, from 0; it must be pure, so that a resumed run goes on alike.</summary>
    public static Schedule From(Func<long, double> schedule)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        return new(Shape.Callback, schedule(0), callback: schedule);
    }

    /// <summary>The strength at a step, from 0.</summary>
    /// <exception cref="InvalidOperationException">A callback returned a number that is not finite or below 0.</exception>
    public double At(long step) => At(step, "a value of");

    /// <summary><see cref="Value"/>.</summary>
    public double ToDouble() => Value;

    /// <summary>The number, or the schedule in words.</summary>
    public override string ToString() => _shape switch
    {
        Shape.Constant => Value.ToString(CultureInfo.InvariantCulture),
        Shape.Callback => "callback",
        Shape.Late => string.Create(CultureInfo.InvariantCulture, $"{Value} from step {_steps}"),
        _ when _start > 0 => string.Create(CultureInfo.InvariantCulture, $"{_shape} {_from} to {Value} from step {_start} to {_steps}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{_shape} {_from} to {Value} in {_steps} steps"),
    };

    internal double At(long step, string what)
    {
        double progress = Math.Clamp((double)(step - _start) / (_steps - _start), 0, 1);
        double value = _shape switch
        {
            Shape.Constant => Value,
            Shape.Late => step < _steps ? 0 : Value,
            Shape.Callback => _callback!(step),
            _ when progress >= 1 => Value,
            Shape.Linear => _from + ((Value - _from) * progress),
            Shape.LogLinear => Math.Exp(Math.Log(_from) + ((Math.Log(Value) - Math.Log(_from)) * progress)),
            _ => _from + ((Value - _from) * (1 - Math.Cos(Math.PI * progress)) / 2),
        };
        return double.IsFinite(value) && value >= 0
            ? value
            : throw new InvalidOperationException($"the schedule gave {what} {value} at step {step}; it must be a finite number of at least 0");
    }

    internal void Validate(string name)
    {
        Require.NotNegative(Value, name);
        Require.NotNegative(_from, name);
        Require.That(_shape is not (Shape.Linear or Shape.LogLinear or Shape.Cosine) || _steps >= 1, _steps, "a schedule of at least 1 step", name);
        Require.That(_shape != Shape.LogLinear || (Value > 0 && _from > 0), Math.Min(Value, _from), "above 0 at both ends of a log-linear schedule", name);
    }
}
