namespace Polder.Averaging;

/// <summary>The running statistics of a model's BatchNorm layers, computed anew for the weights that it has now.</summary>
public static class BatchNormStatistics
{
    /// <summary>
    /// Resets the statistics and sets them to the plain mean, over the batches, of each batch's mean and unbiased variance. The model's
    /// mode is as before afterwards; where no layer is to be refreshed the model is left alone and no batch is read.
    /// </summary>
    /// <param name="model">The model; its weights do not change.</param>
    /// <param name="batches">Inputs of the model, as in training; they stay the caller's.</param>
    /// <param name="leaveOut">The layers that keep the statistics they have, frozen ones for example. Default: none.</param>
    /// <returns>The number of batches seen.</returns>
    /// <exception cref="ArgumentException">There is no batch.</exception>
    public static int Refresh(nn.Module<Tensor, Tensor> model, IEnumerable<Tensor> batches, Func<BatchNorm, bool>? leaveOut = null) =>
        Refresh(model, batches, batch => model.call(batch), leaveOut);

    /// <summary>The same for a model that is not called by a tensor alone.</summary>
    /// <param name="model">The model; its weights do not change.</param>
    /// <param name="batches">Batches as in training.</param>
    /// <param name="forward">Passes one through the model; what it makes is disposed of.</param>
    /// <param name="leaveOut">The layers that keep the statistics they have. Default: none.</param>
    /// <inheritdoc cref="Refresh(nn.Module{Tensor, Tensor}, IEnumerable{Tensor}, Func{BatchNorm, bool}?)" path="/returns|/exception"/>
    public static int Refresh<T>(nn.Module model, IEnumerable<T> batches, Action<T> forward, Func<BatchNorm, bool>? leaveOut = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(batches);
        ArgumentNullException.ThrowIfNull(forward);
        BatchNorm[] layers = [.. model.modules().OfType<BatchNorm>().Where(layer => layer.track_running_stats && leaveOut?.Invoke(layer) != true)];
        if (layers.Length == 0)
            return 0;
        double?[] momenta = [.. layers.Select(layer => layer.momentum)];
        using ModelUse use = ModelUse.Alone(model);
        int seen = 0;
        try
        {
            // The other layers (dropout) as in evaluation: the statistics shall be those that the evaluation meets.
            model.eval();
            foreach (BatchNorm layer in layers)
                layer.train();
            using var noGrad = no_grad();
            foreach (T batch in batches)
            {
                using var scope = NewDisposeScope();
                seen++;
                foreach (BatchNorm layer in layers)
                {
                    if (seen == 1)
                        layer.reset_running_stats();
                    layer.momentum = 1.0 / seen; // the plain mean so far
                }
                forward(batch);
            }
        }
        finally
        {
            for (int i = 0; i < layers.Length; i++)
                layers[i].momentum = momenta[i];
        }
        return seen > 0 ? seen : throw new ArgumentException("there is no batch to take statistics of", nameof(batches));
    }
}
