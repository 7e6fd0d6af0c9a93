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
            Run(task, largest, training, 1, cancellation);
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

    /// <summary>Trains for some steps from the start of the training's seed; of the validation images it looks at a batch.</summary>
    internal static TrainingResult Run(IFineTuningTask task, MethodChoice method, TrainingOptions training, int steps, CancellationToken cancellation)
    {
        using FineTuningStart start = task.Prepare(training.Seed);
        TrainingOptions options = method.BaseTraining(training) with
        {
            Steps = steps,
            Epochs = Math.Max(1, training.Epochs),
            HeadEpochs = 0,
            HeadSolver = HeadSolver.None,
            Patience = null,
        };
        ImageSet validation = start.Splits.Validation;
        return new Trainer(options, method.For(start, options)) { Distribution = method.Distribution }.Run(
            start.Classifier.Network, start.Splits.Train, validation.Subset([.. Enumerable.Range(0, Math.Min(validation.Count, training.BatchSize))]),
            start.Classifier.Normalization, start.Classifier.ImageSize, cancellation);
    }
}
