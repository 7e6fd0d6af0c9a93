namespace Polder.Objectives;

/// <summary>
/// Runs a model on a multiple of 16 examples, the surplus copies, and gives back the outputs of the real ones.
/// </summary>
/// <remarks>
/// The second derivative of a convolution is a convolution whose channels are the examples of the batch. On some processors those of
/// float32 are silently wrong where the channels are no multiple of 16 (<see cref="Machine.ConvolutionCheck"/>): a batch of 35 digits
/// gave products that were 5 % off. In evaluation mode an example's output does not depend on the others, so copies change nothing.
/// </remarks>
internal static class PaddedBatch
{
    private const long Multiple = 16;

    /// <summary>Whether the model convolves in float32 on the processor, in evaluation mode.</summary>
    public static bool IsNeeded(nn.Module model, EmpiricalLoss loss) =>
        loss.DataType == ScalarType.Float32 && loss.Device.type == DeviceType.CPU && loss.Options.Mode == ModelMode.Evaluation
        && model.modules().Any(m => m is Convolution);

    /// <summary>The model's outputs for <paramref name="inputs"/>.</summary>
    public static Tensor Call(nn.Module<Tensor, Tensor> network, Tensor inputs)
    {
        long count = inputs.shape[0], surplus = (Multiple - (count % Multiple)) % Multiple;
        if (surplus == 0)
            return network.call(inputs);
        Tensor outputs = network.call(inputs.index_select(0, arange(Number(count + surplus), device: inputs.device).remainder(Number(count))));
        return outputs.dim() > 0 && outputs.shape[0] == count + surplus
            ? outputs.narrow(0, 0, count)
            : throw new InvalidOperationException($"the model's output has shape [{string.Join(", ", outputs.shape)}]; allowed: one row an example");
    }
}
