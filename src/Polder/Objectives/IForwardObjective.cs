namespace Polder.Objectives;

/// <summary>An objective whose value can be had without its gradient, at the price of a forward pass.</summary>
public interface IForwardObjective : IObjective
{
    /// <summary>f at the parameters as they stand. The model's buffers move as in any forward pass.</summary>
    /// <param name="space">The parameters.</param>
    double Evaluate(ParameterSpace space);

    /// <summary>The same, for a measurement that can be stopped; an objective of many batches stops between them.</summary>
    /// <inheritdoc cref="Evaluate(ParameterSpace)"/>
    double Evaluate(ParameterSpace space, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return Evaluate(space);
    }
}
