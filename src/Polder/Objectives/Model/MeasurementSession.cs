namespace Polder.Objectives;

/// <summary>
/// The state of a model while it is measured: the asked mode, no gradients, attention by operations that have a second derivative.
/// Disposing gives everything back: modes, gradients, buffers. It has the model alone (<see cref="ModelUse"/>).
/// </summary>
internal sealed class MeasurementSession : IDisposable
{
    private static readonly Lock Gate = new();
    private static int _sessions;
    private static bool _flash;

    private readonly ModelUse _use;
    private readonly ParameterSpace _space;
    private readonly Tensor?[] _gradients;
    private readonly ModelBuffers? _buffers;

    public MeasurementSession(nn.Module? model, ParameterSpace space, ModelMode mode)
    {
        foreach (Parameter parameter in space.Parameters)
            if (parameter.IsInvalid)
                throw new InvalidOperationException("a parameter no longer exists: convert the model (data type, device) before measuring its curvature");
        nn.Module[] modules = model is null ? [] : [.. model.modules().Prepend(model).Distinct()];
        if (mode == ModelMode.AsItStands && Array.Find(modules, m => m.training && IsBatchNorm(m)) is { } trained)
            throw new InvalidOperationException(
                $"a {trained.GetName()} layer is in training mode: each example's loss would depend on its batch, "
                + $"and each pass would move the running statistics; use the evaluation mode, or {nameof(ModelMode.BatchStatistics)} to mean just that");
        _space = space;
        _use = model is null ? ModelUse.Alone(space.Parameters) : ModelUse.Alone(model);
        _gradients = [.. space.Parameters.Select(p => p.grad?.DetachFromDisposeScope())];
        Clear(space);
        // The fused attention of the CPU has no second derivative, and would end the process; it is one setting for all threads.
        lock (Gate)
        {
            if (_sessions++ == 0 && (_flash = backends.cuda.flash_sdp_enabled()))
                backends.cuda.enable_flash_sdp(false);
        }
        if (model is not null)
        {
            _buffers = new ModelBuffers(model, BatchNormPolicy.Frozen);
            _buffers.Begin();
            if (mode != ModelMode.AsItStands)
                model.eval();
            if (mode == ModelMode.BatchStatistics)
                foreach (nn.Module module in modules.Where(IsBatchNorm))
                    module.train();
        }
        LossMeasurement.Begin();
    }

    public void Dispose()
    {
        LossMeasurement.End();
        _buffers?.End(completed: false);
        _buffers?.Dispose();
        for (int i = 0; i < _gradients.Length; i++)
        {
            _space.Parameters[i].grad = _gradients[i] is { IsInvalid: false } gradient ? gradient : null;
            _gradients[i]?.Dispose();
        }
        lock (Gate)
        {
            if (--_sessions == 0 && _flash)
                backends.cuda.enable_flash_sdp(true);
        }
        _use.Dispose();
    }

    /// <summary>Leaves no parameter with a gradient.</summary>
    public static void Clear(ParameterSpace space)
    {
        foreach (Parameter parameter in space.Parameters)
            parameter.grad = null;
    }

    private static bool IsBatchNorm(nn.Module module) => module is BatchNorm1d or BatchNorm2d or BatchNorm3d;
}
