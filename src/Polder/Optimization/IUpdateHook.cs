namespace Polder.Optimization;

/// <summary>Something that happens around the base optimizer's update, once a step: clipping before it, projection or averaging after it.</summary>
public interface IUpdateHook
{
    /// <summary>Called with the weights at W and the final gradient, which it may change; before the base optimizer's step.</summary>
    void BeforeUpdate(UpdateContext context)
    {
    }

    /// <summary>Called after the base optimizer's step; it may change the weights.</summary>
    void AfterUpdate(UpdateContext context)
    {
    }
}
