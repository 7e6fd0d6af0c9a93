using System.Collections.Concurrent;
using System.Numerics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Polder.Optimization;

/// <summary>
/// The step of TorchSharp's SGD in one pass over memory instead of four, bit for bit: each operation is rounded as libtorch rounds it, which is tried
/// out once for each kind of update. Where that differs on a machine, or a parameter lies otherwise, SGD makes its own step.
/// </summary>
internal static unsafe class FusedSgd
{
    private static readonly ConcurrentDictionary<Update, bool> Known = [];

    /// <summary>Makes the step.</summary>
    /// <param name="optimizer">The base optimizer.</param>
    /// <param name="space">Its parameters.</param>
    /// <param name="gradient">Their gradients.</param>
    /// <param name="updates">Whether a parameter of the space has a gradient.</param>
    /// <returns>Whether it was made; if not, nothing was changed.</returns>
    public static bool TryStep(OptimizerHelper optimizer, ParameterSpace space, ParameterVector gradient, Func<int, bool> updates)
    {
        if (optimizer.GetType() != typeof(SGD) || !(Fma.IsSupported || AdvSimd.IsSupported))
            return false;
        var places = new Place[space.Parameters.Count];
        int seen = 0, number = 0;
        List<OptimizerState> states = optimizer.state_dict().State;
        foreach (SGD.ParamGroup group in ((SGD)optimizer).ParamGroups.Cast<SGD.ParamGroup>())
        {
            Update update = Update.Of(group.Options);
            float rate = (float)-group.LearningRate;
            foreach (Parameter parameter in group.Parameters)
            {
                int index = space.IndexOf(parameter);
                Tensor? buffer = ((SGD.State)states[number++]).momentum_buffer;
                if (index < 0)
                {
                    using Tensor? stray = parameter.grad;
                    if (stray is { IsInvalid: false })
                        return false; // SGD would follow it
                    continue;
                }
                seen++;
                if (!updates(index))
                    continue;
                bool heavy = update.Momentum != 0;
                if (parameter.dtype != ScalarType.Float32 || (heavy && buffer is not { IsInvalid: false, dtype: ScalarType.Float32 }))
                    return false;
                places[index] = new Place(Address(parameter), Address(gradient.Blocks[index]), heavy ? Address(buffer!) : 0, update, rate);
                if (places[index].Parameter == 0 || places[index].Gradient == 0 || (heavy && places[index].Buffer == 0) || !Known.GetOrAdd(update, IsExact))
                    return false;
            }
        }
        if (seen != places.Length)
            return false; // a parameter stands in two groups
        space.Pieces.ForEach(piece =>
        {
            Place place = places[piece.Parameter];
            if (place.Parameter != 0)
                place.Update.Run((float*)place.Parameter + piece.Start, (float*)place.Gradient + piece.Start,
                    place.Buffer == 0 ? null : (float*)place.Buffer + piece.Start, piece.Length, place.Rate);
        });
        return true;
    }

    private static nint Address(Tensor tensor) => ParameterMover.AddressOf(tensor);

    // Three steps of SGD itself, over vectors and what is left of them.
    private static bool IsExact(Update update)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable mode = enable_grad();
        using var generator = new Generator(1);
        const double rate = 0.0137;
        using var parameter = new Parameter(randn(1003, generator: generator));
        Tensor weights = parameter.detach().clone();
        using SGD sgd = optim.SGD([parameter], rate, update.Momentum, update.Dampening, update.Decay, update.Nesterov, update.Maximize);
        Tensor? buffer = null;
        for (int step = 0; step < 3; step++)
        {
            Tensor gradient = randn(1003, generator: generator);
            parameter.grad = gradient.clone();
            sgd.step();
            if (step == 0)
            {
                // The first step makes the buffer.
                buffer = ((SGD.State)sgd.state_dict().State[0]).momentum_buffer?.clone();
                weights = parameter.detach().clone();
                continue;
            }
            update.Run((float*)Address(weights), (float*)Address(gradient), buffer is null ? null : (float*)Address(buffer), 1003, (float)-rate);
        }
        parameter.grad = null;
        return parameter.detach().bytes.SequenceEqual(weights.bytes);
    }

    private readonly record struct Place(nint Parameter, nint Gradient, nint Buffer, Update Update, float Rate);

    /// <summary>What SGD does beside following the gradient.</summary>
    private readonly record struct Update(double Momentum, double Dampening, double Decay, bool Nesterov, bool Maximize)
    {
        public static Update Of(SGD.Options options) =>
            new(options.momentum ?? 0, options.dampening ?? 0, options.weight_decay ?? 0, options.nesterov ?? false, options.maximize ?? false);

        // g += decay p; b = momentum b + (1 - dampening) g; p -= rate b: a product that is added is not rounded by itself.
        public void Run(float* parameter, float* gradient, float* buffer, int count, float rate)
        {
            float decay = (float)Decay, momentum = (float)Momentum, fresh = (float)(1 - Dampening), step = Maximize ? -rate : rate;
            int i = 0;
            for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
            {
                Vector<float> p = Vector.Load(parameter + i), g = Vector.Load(gradient + i);
                if (decay != 0)
                    g = Vector.FusedMultiplyAdd(p, new Vector<float>(decay), g);
                if (buffer != null)
                {
                    Vector<float> b = Vector.FusedMultiplyAdd(g, new Vector<float>(fresh), Vector.Load(buffer + i) * momentum);
                    b.Store(buffer + i);
                    g = Nesterov ? Vector.FusedMultiplyAdd(b, new Vector<float>(momentum), g) : b;
                }
                Vector.FusedMultiplyAdd(g, new Vector<float>(step), p).Store(parameter + i);
            }
            for (; i < count; i++)
            {
                float p = parameter[i], g = gradient[i];
                if (decay != 0)
                    g = MathF.FusedMultiplyAdd(p, decay, g);
                if (buffer != null)
                {
                    float b = buffer[i] = MathF.FusedMultiplyAdd(g, fresh, buffer[i] * momentum);
                    g = Nesterov ? MathF.FusedMultiplyAdd(b, momentum, g) : b;
                }
                parameter[i] = MathF.FusedMultiplyAdd(g, step, p);
            }
        }
    }
}
