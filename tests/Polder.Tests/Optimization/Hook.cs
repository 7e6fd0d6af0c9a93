using Polder.Optimization;
using Polder.Parameters;
using static TorchSharp.torch;

namespace Polder.Tests.Optimization;

/// <summary>Calls a hook without an optimizer around it.</summary>
internal static class Hook
{
    /// <summary>As after an update of all trainable parameters of a model.</summary>
    public static void AfterUpdate(IUpdateHook hook, nn.Module model)
    {
        ParameterSpace space = ParameterSpace.Of(model.parameters());
        using ParameterVector gradient = space.CreateVector();
        using var sgd = optim.SGD(model.parameters(), 0.1);
        hook.AfterUpdate(new UpdateContext(space, gradient, 0, sgd, 0));
    }
}
