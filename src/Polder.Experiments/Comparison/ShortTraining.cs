using System.Diagnostics;

namespace Polder.Experiments.Comparison;

/// <summary>A few steps of a training, for what they cost: nothing comes of them.</summary>
public static class ShortTraining
{
    /// <summary>
    /// The memory that a process needs for the trainings of a study, in bytes: it takes a step with the method that keeps most beside the weights, and
    /// asks the system. Data and weights are in it, and what this process has needed for anything else.
    /// </summary>
    /// <param name="task">The task.</param>
    /// <param name="methods">The methods.</param>
    /// <param name="training">The training.</param>
    /// <param name="cancellation">Stops.</param>
    public static long MeasureMemory(
        IFineTuningTask task, IReadOnlyList<MethodChoice> methods, TrainingOptions training, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(methods);
        MethodChoice largest = methods.MaxBy(m => (m.Entry.ExtraParameterBuffers, m.Entry.PassesPerStep)) ?? MethodChoice.Create("base");
        try
        {
            using FineTuningStart start = task.Prepare(training.Seed);
            Run(start, largest, training, start.Splits.Train, 1, cancellation);
        }
        catch (TrainingDivergedException)
        {
            // It took its step.
        }
        const string status = "/proc/self/status", field = "VmHWM:";
        if (File.Exists(status) && File.ReadLines(status).FirstOrDefault(line => line.StartsWith(field, StringComparison.Ordinal)) is { } peak)
            return 1024 * long.Parse(peak[field.Length..].Replace("kB", "", StringComparison.Ordinal), System.Globalization.CultureInfo.InvariantCulture);
        using var self = Process.GetCurrentProcess();
        return Math.Max(self.PeakWorkingSet64, self.WorkingSet64);
    }

    /// <summary>
    /// What a step costs in a training of the head alone, or of all that is trained. It is an epoch of so many steps, on as many images of the training
    /// set as those take: where the training computes its frozen layers once and goes on from their output, so do these steps, and the pass that
    /// computes it, which every training makes once whatever its method, is not in their time.
    /// </summary>
    /// <param name="task">The task.</param>
    /// <param name="method">The method.</param>
    /// <param name="training">The training.</param>
    /// <param name="headAlone">Whether the steps are those of <see cref="TrainingOptions.HeadEpochs"/>.</param>
    /// <param name="steps">How many.</param>
    /// <param name="cancellation">Stops.</param>
    internal static TrainingResult Time(
        IFineTuningTask task, MethodChoice method, TrainingOptions training, bool headAlone, int steps, CancellationToken cancellation)
    {
        using FineTuningStart start = task.Prepare(training.Seed);
        ImageSet train = start.Splits.Train.Sample(checked(steps * training.BatchSize), training.Seed);
        return Run(start, method, training with { FreezeBody = training.FreezeBody || headAlone }, train, steps, cancellation);
    }

    // Of the validation images it looks at a batch.
    private static TrainingResult Run(
        FineTuningStart start, MethodChoice method, TrainingOptions training, ImageSet train, int steps, CancellationToken cancellation)
    {
        TrainingOptions options = method.BaseTraining(training) with
        {
            Steps = steps,
            Epochs = Math.Max(1, training.Epochs),
            HeadEpochs = 0,
            HeadSolver = HeadSolver.None,
            HeadStartL2 = 0,
            Patience = null,
        };
        ImageSet validation = start.Splits.Validation;
        // A method that moves the body alone has nothing to move in the first epochs of the head, and is not refused for it.
        IGradientMethod gradient = method.For(start, options with { FreezeBody = false });
        return new Trainer(options, gradient) { Distribution = method.Distribution }.Run(
            start.Classifier.Network, train, validation.Subset([.. Enumerable.Range(0, Math.Min(validation.Count, training.BatchSize))]),
            start.Classifier.Normalization, start.Classifier.ImageSize, cancellation);
    }
}
