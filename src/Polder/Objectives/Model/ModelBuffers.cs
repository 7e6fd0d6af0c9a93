namespace Polder.Objectives;

/// <summary>Keeps a model's buffers over the probes of a step as <see cref="BatchNormPolicy"/> says, by copies: no layer is touched or toggled.</summary>
internal sealed class ModelBuffers(nn.Module model, BatchNormPolicy policy) : IDisposable
{
    private Tensor[] _buffers = [];
    private Tensor[] _start = [];
    private Tensor[] _result = [];
    private int _probes, _taken;
    private bool _fromCentre;
    private bool _pendingCentre;

    public void Begin()
    {
        Tensor[] buffers = [.. model.buffers()];
        // By reference: equality of tensors is that of their values.
        if (!buffers.SequenceEqual(_buffers, ReferenceEqualityComparer.Instance))
        {
            Forget();
            using var scope = NewDisposeScope();
            _buffers = buffers;
            _start = [.. buffers.Select(b => empty_like(b).DetachFromDisposeScope())];
            _result = [.. buffers.Select(b => empty_like(b).DetachFromDisposeScope())];
        }
        Copy(_buffers, _start);
        _probes = 0;
        _fromCentre = false;
    }

    /// <summary>Before each probe: takes in what the probe before it did, and starts from the same buffers again.</summary>
    public void BeforeProbe(bool isCentre)
    {
        if (policy != BatchNormPolicy.EveryProbe && _probes > 0)
        {
            TakeIn();
            Copy(_start, _buffers);
        }
        _probes++;
        _pendingCentre = isCentre;
    }

    /// <summary>Puts the buffers where the step began, whatever a probe has made of them.</summary>
    public void Rewind() => Copy(_start, _buffers);

    /// <summary>The bytes that the buffers take.</summary>
    public int Bytes => _buffers.Sum(buffer => checked((int)(buffer.numel() * buffer.ElementSize)));

    /// <summary>Writes the buffers as they stand, one after another.</summary>
    public void Write(Span<byte> to)
    {
        foreach (Tensor buffer in _buffers)
        {
            using Tensor row = buffer.contiguous();
            ReadOnlySpan<byte> bytes = row.bytes;
            bytes.CopyTo(to);
            to = to[bytes.Length..];
        }
    }

    /// <summary>Puts the buffers where <see cref="Write"/> saw them, on whichever machine.</summary>
    public void Read(ReadOnlySpan<byte> from)
    {
        using var noGrad = no_grad();
        foreach (Tensor buffer in _buffers)
        {
            using Tensor copy = empty(buffer.shape, buffer.dtype);
            Span<byte> bytes = copy.bytes;
            from[..bytes.Length].CopyTo(bytes);
            buffer.copy_(copy);
            from = from[bytes.Length..];
        }
    }

    public void End(bool completed)
    {
        if (!completed || policy == BatchNormPolicy.Frozen)
        {
            Copy(_start, _buffers);
        }
        else if (policy != BatchNormPolicy.EveryProbe && _probes > 1)
        {
            TakeIn();
            Copy(_result, _buffers);
        }
    }

    public void Dispose() => Forget();

    // The result so far becomes that of one probe more: the mean over those at the centre where there are some, else over all.
    private void TakeIn()
    {
        bool first = _probes == 1, firstCentre = _pendingCentre && !_fromCentre;
        if (!first && policy is not (BatchNormPolicy.OncePerStep or BatchNormPolicy.CleanForward))
            return;
        if (first || firstCentre)
        {
            Copy(_buffers, _result);
            (_taken, _fromCentre) = (1, _pendingCentre);
            return;
        }
        if (_fromCentre && !_pendingCentre)
            return;
        _taken++;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using Scalar share = (1.0 / _taken).ToScalar();
        for (int i = 0; i < _buffers.Length; i++)
            if (_buffers[i].is_floating_point())
                _result[i].add_(_buffers[i].sub(_result[i]), share);
    }

    private static void Copy(Tensor[] from, Tensor[] to)
    {
        using var noGrad = no_grad();
        for (int i = 0; i < from.Length; i++)
            to[i].copy_(from[i]);
    }

    private void Forget()
    {
        foreach (Tensor tensor in _start)
            tensor.Dispose();
        foreach (Tensor tensor in _result)
            tensor.Dispose();
        (_buffers, _start, _result) = ([], [], []);
    }
}
