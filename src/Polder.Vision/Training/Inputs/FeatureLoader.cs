namespace Polder.Vision.Training;

/// <summary>
/// A loader that can go on from what a network's first stages make of its images. That is computed once, in evaluation mode, in the set's
/// order: so a training that goes on gets the same bits again.
/// </summary>
/// <param name="model">The network.</param>
/// <param name="loader">The images.</param>
/// <param name="told">Told of what is kept, where it is computed here.</param>
/// <param name="cache">What other trainings of the process have computed; null: nothing.</param>
internal sealed class FeatureLoader(ImageClassifier model, Loader loader, Action<FeatureStore> told, FeatureCache? cache = null) : IDisposable
{
    private FeatureStore? _store;
    private int _stages;

    /// <summary>Batches of an epoch.</summary>
    public int Count => loader.Count;

    /// <summary>Images of the set.</summary>
    public int Images => loader.Set.Count;

    /// <summary>Some batches of an epoch; they live as those of a loader do.</summary>
    /// <param name="epoch">Number of the epoch, from 0.</param>
    /// <param name="batches">Which.</param>
    /// <param name="stages">How many stages have been computed; 0: images. The weights in them must not move from call to call.</param>
    /// <param name="cancellation">Ends the loop with <see cref="OperationCanceledException"/>.</param>
    public IEnumerable<Batch> Epoch(int epoch, Range batches, int stages, CancellationToken cancellation)
    {
        if (stages == 0)
        {
            Forget();
            foreach (Batch batch in loader.Epoch(epoch, batches, cancellation))
                yield return batch;
            yield break;
        }
        if (_store is null || _stages != stages)
            Compute(stages, cancellation);
        foreach (int[] indices in loader.IndicesOf(epoch).Take(batches))
        {
            cancellation.ThrowIfCancellationRequested();
            var batch = new Batch(
                _store!.Take(indices), tensor([.. indices.Select(i => (long)loader.Set.Labels[i])]).DetachFromDisposeScope(), indices)
            { Stages = stages };
            try
            {
                yield return batch;
            }
            finally
            {
                batch.Release();
            }
        }
    }

    /// <summary>What the whole body makes of all images, in the set's order, with their labels; the caller owns both.</summary>
    /// <param name="kept">How many stages are to be kept, of which the rest is computed: those that the training goes on from; 0: all.</param>
    /// <param name="cancellation">Stops.</param>
    public (Tensor Features, Tensor Labels) All(int kept, CancellationToken cancellation)
    {
        kept = kept == 0 ? model.Stages.Count : kept;
        if (_store is null || _stages != kept)
            Compute(kept, cancellation);
        Tensor features = kept == model.Stages.Count ? _store!.Take([.. Enumerable.Range(0, Images)]) : Rest(kept, cancellation);
        return (features, tensor([.. loader.Set.Labels.Select(label => (long)label)]).DetachFromDisposeScope());
    }

    // In the batches of a pass over the images, so that the bits are those of one.
    private Tensor Rest(int kept, CancellationToken cancellation)
    {
        using ModelUse use = ModelUse.Ask(model);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var parts = new List<Tensor>();
        foreach (int[] indices in loader.ForEvaluation().IndicesOf(0))
        {
            cancellation.ThrowIfCancellationRequested();
            using var pass = NewDisposeScope();
            Tensor begun = _store!.Take(indices);
            pass.Attach(begun);
            parts.Add(model.Through(kept..model.Stages.Count, begun).MoveToOuterDisposeScope());
        }
        return cat(parts).DetachFromDisposeScope();
    }

    // A body without stages is computed in one piece.
    private void Compute(int stages, CancellationToken cancellation)
    {
        Forget();
        (_store, _stages) = (cache?.Take(model, loader, stages, () => Computed(stages, cancellation)) ?? Computed(stages, cancellation), stages);
    }

    private FeatureStore? Computed(int stages, CancellationToken cancellation)
    {
        using ModelUse use = ModelUse.Ask(model);
        using var noGrad = no_grad();
        FeatureStore? store = null;
        try
        {
            foreach (Batch batch in loader.ForEvaluation().Epoch(0, cancellation))
            {
                using var scope = NewDisposeScope();
                Tensor features = stages == 0 ? model.Features(batch.Images) : model.Through(..stages, batch.Images);
                if (store is null)
                    told(store = FeatureStore.For(Images, features));
                store.Add(features);
            }
        }
        catch
        {
            store?.Dispose();
            throw;
        }
        return store;
    }

    private void Forget()
    {
        if (_store is not null && cache?.GiveBack(_store) != true)
            _store.Dispose();
        _store = null;
    }

    /// <inheritdoc/>
    public void Dispose() => Forget();
}
