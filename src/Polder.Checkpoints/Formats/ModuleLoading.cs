namespace Polder.Checkpoints.Formats;

/// <summary>Matches the tensors of a checkpoint with those of a module: first the whole plan, then the copies.</summary>
internal static class ModuleLoading
{
    private const string Counter = "num_batches_tracked";

    public static LoadReport Load(string path, IReadOnlyDictionary<string, Tensor> source, nn.Module module, bool strict)
    {
        List<(Tensor Target, Tensor Source)> copies = [];
        List<TensorInfo> loaded = [], missing = [], counters = [];
        List<TensorMismatch> misshapen = [];
        HashSet<nint> reached = [];
        List<(TensorInfo Info, nint Handle)> absent = [];
        Dictionary<string, Tensor> targets = module.state_dict();
        foreach ((string name, Tensor target) in targets)
        {
            TensorInfo info = TensorInfo.Of(name, target);
            if (!source.TryGetValue(name, out Tensor? value))
            {
                absent.Add((info, target.Handle));
            }
            else if (!Fits(name, target, value))
            {
                misshapen.Add(new TensorMismatch(TensorInfo.Of(name, value), info));
            }
            else
            {
                loaded.Add(info);
                copies.Add((target, value));
                reached.Add(target.Handle);
            }
        }
        foreach ((TensorInfo info, nint handle) in absent)
            // Tied parameters have two names in the module but may have one in the file.
            (reached.Contains(handle) ? loaded : IsCounter(info.Name) ? counters : missing).Add(info);
        LoadReport report = new()
        {
            Loaded = loaded,
            Missing = missing,
            MissingCounters = counters,
            Misshapen = misshapen,
            Ignored = [.. source.Where(entry => !targets.ContainsKey(entry.Key)).Select(entry => TensorInfo.Of(entry.Key, entry.Value))],
        };
        if (strict && !report.IsComplete)
            throw new CheckpointException(path, $"does not fit the model, nothing was loaded: {report}") { Report = report };

        using DisposeScope scope = NewDisposeScope();
        using IDisposable _ = no_grad();
        foreach ((Tensor target, Tensor value) in copies)
            target.copy_(value.reshape(target.shape));
        return report;
    }

    private static bool IsCounter(string name) => name == Counter || name.EndsWith("." + Counter, StringComparison.Ordinal);

    private static bool Fits(string name, Tensor target, Tensor value)
    {
        // Numbers convert, but a complex number has no real place and a real weight none in a counter.
        bool converts = value.dtype == target.dtype || (IsReal(value.dtype) && IsReal(target.dtype)) || (IsInteger(value.dtype) && IsReal(target.dtype))
            || (IsInteger(value.dtype) && IsInteger(target.dtype));
        // A single count is a scalar in some files and an array of one in others.
        bool sameShape = value.shape.AsSpan().SequenceEqual(target.shape) || (IsCounter(name) && value.numel() == 1 && target.numel() == 1);
        return converts && sameShape;
    }

    private static bool IsReal(ScalarType type) => type is ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64;

    private static bool IsInteger(ScalarType type) => type is ScalarType.Byte or ScalarType.Int8 or ScalarType.Int16 or ScalarType.Int32 or ScalarType.Int64;
}
