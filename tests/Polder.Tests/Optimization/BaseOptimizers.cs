using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Tests.Optimization;

/// <summary>Every kind of base optimizer that TorchSharp has, with the options that give it more state.</summary>
internal static class BaseOptimizers
{
    public static IReadOnlyDictionary<string, Func<IEnumerable<Parameter>, OptimizerHelper>> All { get; } = new Dictionary<string, Func<IEnumerable<Parameter>,
        OptimizerHelper>>
    {
        ["plain sgd"] = p => optim.SGD(p, 0.1),
        ["sgd"] = p => optim.SGD(p, 0.1, momentum: 0.9, weight_decay: 1e-2),
        ["nesterov"] = p => optim.SGD(p, 0.1, momentum: 0.9, nesterov: true),
        ["adam"] = p => optim.Adam(p, 0.01, weight_decay: 1e-2),
        ["amsgrad"] = p => optim.Adam(p, 0.01, amsgrad: true),
        ["adamw"] = p => optim.AdamW(p, 0.01, weight_decay: 0.1),
        ["rmsprop"] = p => optim.RMSProp(p, 0.01),
        ["centered rmsprop"] = p => optim.RMSProp(p, 0.01, momentum: 0.9, centered: true),
        ["adagrad"] = p => optim.Adagrad(p, 0.01, lr_decay: 0.01),
        ["radam"] = p => optim.RAdam(p, 0.01),
        ["nadam"] = p => optim.NAdam(p, 0.01),
        ["adamax"] = p => optim.Adamax(p, 0.01),
        ["adadelta"] = p => optim.Adadelta(p),
        ["asgd"] = p => optim.ASGD(p, 0.01),
    };

    /// <summary>A second group of another learning rate, of the optimizer's own class.</summary>
    public static ParamGroup Group(OptimizerHelper optimizer, IEnumerable<Parameter> parameters, double learningRate) => optimizer switch
    {
        SGD => new SGD.ParamGroup(parameters, new SGD.Options { LearningRate = learningRate }),
        Adam => new Adam.ParamGroup(parameters, new Adam.Options { LearningRate = learningRate }),
        AdamW => new AdamW.ParamGroup(parameters, new AdamW.Options { LearningRate = learningRate }),
        RMSProp => new RMSProp.ParamGroup(parameters, new RMSProp.Options { LearningRate = learningRate }),
        Adagrad => new Adagrad.ParamGroup(parameters, new Adagrad.Options { LearningRate = learningRate }),
        RAdam => new RAdam.ParamGroup(parameters, new RAdam.Options { LearningRate = learningRate }),
        NAdam => new NAdam.ParamGroup(parameters, new NAdam.Options { LearningRate = learningRate }),
        Adamax => new Adamax.ParamGroup(parameters, new Adamax.Options { LearningRate = learningRate }),
        Adadelta => new Adadelta.ParamGroup(parameters, new Adadelta.Options { LearningRate = learningRate }),
        _ => new ASGD.ParamGroup(parameters, new ASGD.Options { LearningRate = learningRate }),
    };
}
