using System.Text.Json;
using System.Text.Json.Nodes;
using static System.FormattableString;

namespace Polder.Experiments.Comparison;

/// <summary>
/// What a step of a method costs beside one of the base optimizer, measured: a budget of seconds gives each method as many steps as fit into the time
/// that the base optimizer takes. The number of steps is known before the training, so that its learning rate falls over all of them.
/// </summary>
/// <param name="Seconds">The seconds of a step of the method.</param>
/// <param name="BaseSeconds">The seconds of a step of the base optimizer, measured in turn with it.</param>
public sealed record StepTime(double Seconds, double BaseSeconds)
{
    // The fastest round counts: another program can only make one slower. Ten steps hold two of LookSAM's turns.
    private const int Rounds = 3, Steps = 10, ShortRounds = 8, MostSteps = 1000;

    // What a process does once takes long beside steps of less than a millisecond: memory is asked for, and code is compiled again as it proves to be
    // hot. Short steps are timed in greater number, and in more rounds.
    private const double EnoughSeconds = 0.25;

    /// <summary>The steps that take as long as some of the base optimizer.</summary>
    /// <param name="steps">Steps of the base optimizer.</param>
    /// <returns>At least 1.</returns>
    public long StepsFor(long steps) => Math.Max(1, (long)Math.Round(steps * BaseSeconds / Seconds));

    /// <summary>The mean over the steps of a training of two parts.</summary>
    /// <param name="head">A step of the head alone.</param>
    /// <param name="rest">A step after those.</param>
    /// <param name="share">The share of the steps that are of the head alone, from 0 to 1.</param>
    internal static StepTime Mean(StepTime head, StepTime rest, double share) =>
        new((share * head.Seconds) + ((1 - share) * rest.Seconds), (share * head.BaseSeconds) + ((1 - share) * rest.BaseSeconds));

    /// <summary>Measures a method, with as many threads as the training has.</summary>
    /// <param name="task">The task.</param>
    /// <param name="method">The method.</param>
    /// <param name="training">The training of which the steps are.</param>
    /// <param name="cancellation">Stops.</param>
    /// <exception cref="TrainingDivergedException">The method diverges within the first steps.</exception>
    internal static StepTime Measure(IFineTuningTask task, MethodChoice method, TrainingOptions training, CancellationToken cancellation)
    {
        StepTime rest = Measure(task, method, training, headAlone: false, cancellation);
        return training.HeadEpochs == 0 ? rest
            : Mean(Measure(task, method, training, headAlone: true, cancellation), rest, (double)training.HeadEpochs / training.Epochs);
    }

    private static StepTime Measure(
        IFineTuningTask task, MethodChoice method, TrainingOptions training, bool headAlone, CancellationToken cancellation)
    {
        MethodChoice plain = MethodChoice.Create("base");
        int steps = StepsToTime(Seconds(plain, Steps));
        double own = double.PositiveInfinity, other = double.PositiveInfinity;
        for (int round = 0; round < (steps > Steps ? ShortRounds : Rounds); round++)
        {
            other = Math.Min(other, Seconds(plain, steps));
            own = Math.Min(own, Seconds(method, steps));
        }
        return new StepTime(own, other);

        double Seconds(MethodChoice choice, int count) => ShortTraining.Time(task, choice, training, headAlone, count, cancellation).SecondsPerStep;
    }

    /// <summary>How many steps are timed: tens of them, as many as take long enough.</summary>
    /// <param name="seconds">The seconds of a step, as ten of them come out.</param>
    internal static int StepsToTime(double seconds) => (int)Math.Clamp(Steps * Math.Ceiling(EnoughSeconds / (Steps * seconds)), Steps, MostSteps);

    /// <summary>The measurement as a cell: all runs of a folder, on whichever machine, have the same number of steps.</summary>
    internal static Cell ToCell(IFineTuningTask task, MethodChoice method, TrainingOptions training)
    {
        JsonObject settings = RunSettings.Of(task, method, training);
        settings["measured"] = "step time";
        string name = Invariant($"{method.Label}, time of a step");
        return new Cell(name, settings, work => ResultJson.Node(Measure(task, method, training, work.Cancellation))!.AsObject());
    }

    /// <summary>What a cell has kept.</summary>
    internal static StepTime Of(JsonObject json) => json.Deserialize<StepTime>(ResultJson.Options)!;
}
