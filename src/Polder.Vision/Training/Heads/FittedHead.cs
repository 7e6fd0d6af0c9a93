using System.Diagnostics;
using System.Runtime.InteropServices;
using static System.FormattableString;

namespace Polder.Vision.Training;

/// <summary>The head that a training fits before its first step: what becomes of it, from the first fit to what is kept.</summary>
/// <param name="model">The network.</param>
/// <param name="inputs">The images.</param>
/// <param name="train">The training images.</param>
/// <param name="validation">The validation images.</param>
/// <param name="options">What the training does.</param>
/// <param name="note">Told in words what was fitted.</param>
internal sealed class FittedHead(
    ImageClassifier model, TrainingInputs inputs, ImageSet train, ImageSet validation, TrainingOptions options, IProgress<string>? note)
{
    /// <summary>Fits the head and enters it into the run as its epoch 0.</summary>
    /// <param name="run">Where the training stands.</param>
    /// <param name="cancellation">Stops; the network's head is then as it was.</param>
    public EpochReport Fit(TrainingRun run, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        (HeadFit fit, double trainLoss) = HeadFitting.Fit(model, inputs, train, options, cancellation);
        var result = EvaluationResult.Of(model, inputs.Fitted(cancellation), validation.Count);
        EpochReport report = run.Fitted(fit with { Images = train.Count }, trainLoss, result, Stopwatch.GetElapsedTime(start).TotalSeconds);
        note?.Report(Invariant($"the head was fitted on {train.Count} training images with an L2 penalty of {fit.L2} ")
            + Invariant($"in {report.Seconds:F1} s: training loss {trainLoss:G4}, validation {result.Accuracy:P1}"));
        return report;
    }

    /// <summary>Puts the head into the network that the epochs begin with, where that is another (<see cref="TrainingOptions.HeadStartL2"/>).</summary>
    /// <param name="run">Where the training stands.</param>
    /// <param name="cancellation">Stops; the network's head is then as it was.</param>
    public void Weaken(TrainingRun run, CancellationToken cancellation)
    {
        if (options.HeadStartL2 == 0 || run.Steps == 0)
            return;
        FitOn(inputs.TrainingFeatures(cancellation), options.HeadStartL2, cancellation);
        note?.Report(Invariant($"the epochs begin with a head of an L2 penalty of {options.HeadStartL2}, which leaves the network something to learn"));
    }

    /// <summary>Fits the head that is kept once more, on all images: nothing is left for the validation images to choose.</summary>
    /// <param name="run">Where the training stands.</param>
    /// <param name="first">The first fit.</param>
    /// <param name="cancellation">Stops; the network's head is then as it was.</param>
    public void Refit(TrainingRun run, HeadFit first, CancellationToken cancellation)
    {
        HeadFit fit = FitOn(inputs.AllFeatures(cancellation), first.L2, cancellation);
        run.Refitted(fit with { Images = train.Count + validation.Count, Evaluations = first.Evaluations + fit.Evaluations });
        note?.Report($"{(run.Steps > 0 ? "no epoch was better than the fitted head, which is kept: it" : "the head")} was fitted once more, with the "
            + $"{validation.Count} validation images, whose figures stay those of the first fit");
    }

    /// <summary>What the network says of the training images; the body's output is at hand, which is all that it would cost.</summary>
    /// <param name="cancellation">Stops.</param>
    public ImagePredictions Judge(CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        (Tensor features, Tensor labels) = inputs.TrainingFeatures(cancellation);
        scope.Attach(features);
        scope.Attach(labels);
        ReadOnlySpan<float> logits = MemoryMarshal.Cast<byte, float>(model.Head.call(features).to(ScalarType.Float32).contiguous().bytes);
        var predictions = new ImagePredictions.Builder();
        long[] classes = labels.data<long>().ToArray();
        for (int i = 0; i < classes.Length; i++)
            predictions.Add(logits.Slice(i * model.Classes, model.Classes), (int)classes[i]);
        return predictions.Result();
    }

    private HeadFit FitOn((Tensor Features, Tensor Labels) images, double l2, CancellationToken cancellation)
    {
        using Tensor features = images.Features, labels = images.Labels;
        return HeadFitting.FitWith(model, (features, labels), train, options, l2, cancellation);
    }
}
