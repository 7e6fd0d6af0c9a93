using System.Globalization;

namespace Polder.Methods;

/// <summary>
/// The standard deviation of a method's noise over the steps: a number, or a schedule. A number converts by itself, so that
/// <c>Sigma = 0.01</c> is the constant.
/// </summary>
/// <remarks>A schedule is a pure function of the step's number, so it needs no state and a resumed run goes on where it was.</remarks>
public readonly record struct Sigma
{
    private readonly Schedule _schedule;
    private readonly double? _share; // of the loss, where sigma follows the curvature

    private Sigma(Schedule schedule, double? share = null) => (_schedule, _share) = (schedule, share);

    /// <summary>The value that the schedule ends at (for a callback: its value at step 0).</summary>
    public double Value => _schedule.Value;

    /// <summary>Whether sigma is the same at every step.</summary>
    public bool IsConstant => _schedule.IsConstant && !IsAuto;

    /// <summary>Whether sigma is 0 at every step.</summary>
    public bool IsZero => IsConstant && Value == 0;

    /// <summary>The same sigma at every step.</summary>
    public static implicit operator Sigma(double value) => FromDouble(value);

    /// <summary><see cref="Value"/>.</summary>
    public static implicit operator double(Sigma sigma) => sigma.ToDouble();

    /// <summary>The same sigma at every step.</summary>
    public static Sigma FromDouble(double value) => new(Schedule.FromDouble(value));

    /// <summary>
    /// A straight line from <paramref name="from"/> at step 0 to <paramref name="to"/> at step <paramref name="steps"/>, and constant from there on.
    /// </summary>
    public static Sigma Linear(double to, long steps, double from = 0) => new(Schedule.Linear(to, steps, from));

    /// <summary>
    /// A straight line in log sigma from <paramref name="from"/> at step 0 to <paramref name="to"/> at step <paramref name="steps"/>, constant from
    /// there on; both above 0.
    /// </summary>
    public static Sigma LogLinear(double to, long steps, double from = 1e-5) => new(Schedule.LogLinear(to, steps, from));

    /// <summary>
    /// Half a cosine from <paramref name="from"/> at step 0 to <paramref name="to"/> at step <paramref name="steps"/>, flat at both ends, constant
    /// from there on.
    /// </summary>
    public static Sigma Cosine(double to, long steps, double from = 0) => new(Schedule.Cosine(to, steps, from));

    /// <summary>
    /// 0 for the first <paramref name="share"/> of <paramref name="steps"/> steps, which then cost what the base optimizer's cost, and
    /// <paramref name="value"/> after.
    /// </summary>
    /// <param name="value">The value of the late phase.</param>
    /// <param name="steps">The number of steps of the run.</param>
    /// <param name="share">The share of the steps before the late phase, 0 to 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="share"/> is not between 0 and 1, or <paramref name="steps"/> is below 1.</exception>
    public static Sigma Late(double value, long steps, double share = 0.5) => new(Schedule.Late(value, steps, share));

    /// <summary>The same as any strength's schedule.</summary>
    public static Sigma Of(Schedule schedule) => new(schedule);

    /// <summary>Any function of the step's number, from 0; it must be pure, so that a resumed run goes on alike.</summary>
    public static Sigma From(Func<long, double> schedule) => new(Schedule.From(schedule));

    /// <summary>
    /// A sigma that follows the curvature: its penalty P = (sigma^2 / 2) Tr(Hessian) is kept at a share of F, the mean of the pairs' losses.
    /// log sigma^2 moves by at most 1 % of sigma^2 a step towards log(sigma^2 share F / P), with slow means of the trace that the pairs show by
    /// themselves and of
    /// F, rests while the trace is not above two standard errors, and stays between a tenth and ten times the start. For <see cref="NoiseStability"/> only.
    /// </summary>
    /// <param name="share">The share, above 0 and below 1.</param>
    /// <param name="start">The sigma to start from, above 0.</param>
    /// <remarks>Unlike a schedule it has a state, which is saved with the optimizer's.</remarks>
    public static Sigma Auto(double share, double start = 0.01) => new(start, share);

    /// <summary>Whether sigma follows the curvature (<see cref="Auto"/>).</summary>
    public bool IsAuto => _share is not null;

    /// <summary>sigma at a step, from 0; of <see cref="Auto"/>, which depends on what the steps see, the start.</summary>
    /// <exception cref="InvalidOperationException">A callback returned a number that is not finite or below 0.</exception>
    public double At(long step) => _schedule.At(step, "sigma =");

    /// <summary><see cref="Value"/>.</summary>
    public double ToDouble() => Value;

    /// <summary>The number, or the schedule in words.</summary>
    public override string ToString() =>
        IsAuto ? string.Create(CultureInfo.InvariantCulture, $"auto, a share of {_share} from {Value}") : _schedule.ToString();

    /// <summary>sigma at the step at hand.</summary>
    internal double At(MethodContext context) => IsAuto ? SigmaBudget.Current(context.State, Value) : At(context.Step);

    /// <summary>Takes in what the step at hand sees of the curvature, once it is accepted.</summary>
    internal void Follow(MethodContext context)
    {
        if (_share is not { } share)
            return;
        double start = Value;
        context.WhenMeasured(() => SigmaBudget.Follow(context.State, context.Curvature, start, share));
    }

    internal void Validate(string name = "Sigma", bool hasPairs = false)
    {
        Require.That(!IsAuto || hasPairs, ToString(), "a number or a schedule: Auto reads the curvature off antithetic pairs, which nso has", name);
        Require.That(_share is null or (> 0 and < 1), _share, "above 0 and below 1", $"{name}.Auto's share");
        Require.That(!IsAuto || Value > 0, Value, "above 0", $"{name}.Auto's start");
        _schedule.Validate(name);
    }
}
