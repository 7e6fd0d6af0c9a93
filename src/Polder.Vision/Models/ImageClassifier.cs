using System.IO.Enumeration;
using static TorchSharp.torch.nn;

namespace Polder.Vision.Models;

/// <summary>
/// A network that classifies images: a body that turns images into features, and a linear head that turns features into logits.
/// Parameter names are those of the published checkpoints of the architecture.
/// </summary>
public abstract class ImageClassifier : Module<Tensor, Tensor>
{
    private Linear _head;

    /// <summary>Makes the head; a derived class registers its body first, so that the head comes last among the parameters.</summary>
    /// <param name="name">The architecture's name.</param>
    /// <param name="channels">Channels of the input image.</param>
    /// <param name="features">Length of the feature vector that the body ends in.</param>
    /// <param name="classes">Number of classes, 2 or more.</param>
    /// <param name="headName">The head's name among the modules: <c>fc</c> or <c>linear</c>.</param>
    protected ImageClassifier(string name, int channels, int features, int classes, string headName)
        : base(name)
    {
        Require.AtLeast(classes, 2);
        ArgumentException.ThrowIfNullOrEmpty(headName);
        (Channels, FeatureCount, HeadName) = (channels, features, headName);
        _head = Linear(features, classes);
    }

    /// <summary>Number of channels of an input image: 3 (RGB) or 1 (gray).</summary>
    public int Channels { get; }

    /// <summary>Length of the feature vector of an image.</summary>
    public int FeatureCount { get; }

    /// <summary>Number of classes: the length of the logits of an image.</summary>
    public int Classes => checked((int)_head.out_features);

    /// <summary>The head's name among the modules; its parameters are <c>{HeadName}.weight</c> and <c>{HeadName}.bias</c>.</summary>
    public string HeadName { get; }

    /// <summary>The linear layer from features to logits.</summary>
    public Linear Head => _head;

    /// <summary>The parameters of the body, in the module's order.</summary>
    public IEnumerable<Parameter> BodyParameters => NamedParameters(head: false).Select(p => p.Parameter);

    /// <summary>The parameters of the head: weight and bias.</summary>
    public IEnumerable<Parameter> HeadParameters => NamedParameters(head: true).Select(p => p.Parameter);

    /// <summary>The name of each parameter; of one that several modules share, its first.</summary>
    internal Dictionary<Parameter, string> NamesOfParameters()
    {
        var names = new Dictionary<Parameter, string>(ReferenceEqualityComparer.Instance);
        foreach (var (name, parameter) in named_parameters())
            names.TryAdd(parameter, name);
        return names;
    }

    /// <summary>The forward pass up to the head, for a linear probe and for retrieval.</summary>
    /// <param name="images">
    /// N x <see cref="Channels"/> x height x width, normalized. The built-in networks compute in its form (<see cref="InputForm"/>): what is
    /// bf16 is computed in bf16, with the same float32 weights.
    /// </param>
    /// <returns>N x <see cref="FeatureCount"/>, of the type of the images, owned by the caller's dispose scope.</returns>
    public abstract Tensor Features(Tensor images);

    /// <summary>
    /// The parts that the body is computed in, one after another, to <see cref="Features"/>; none, the default, is a body of one piece. Where the
    /// first ones are frozen, a training computes their output once and goes on from it.
    /// </summary>
    /// <remarks>
    /// A network that names its stages promises that its forward pass is these and then the head, and that a stage whose parameters are frozen
    /// and whose BatchNorm layers are in evaluation mode is a function of each image by itself: no dropout, nothing over the batch.
    /// </remarks>
    protected internal virtual IReadOnlyList<BodyStage> Stages => [];

    /// <summary>
    /// How the body is computed, as text for the metadata of checkpoints, where it is no built-in architecture (<see cref="ForeignNetworks"/>).
    /// </summary>
    protected internal virtual string? Graph => null;

    /// <summary>The rest of the forward pass.</summary>
    /// <param name="features">What <see cref="Features"/> gives.</param>
    /// <returns>Logits, N x <see cref="Classes"/>, of the weights' own type.</returns>
    public Tensor Logits(Tensor features) => Layers.Apply(_head, features ?? throw new ArgumentNullException(nameof(features)));

    /// <summary>The forward pass.</summary>
    /// <param name="input">N x <see cref="Channels"/> x height x width, normalized.</param>
    /// <returns>Logits, N x <see cref="Classes"/>, of the weights' own type.</returns>
    public override Tensor forward(Tensor input)
    {
        using Tensor features = Features(input);
        return Logits(features);
    }

    /// <summary>The rest of a forward pass.</summary>
    /// <param name="stages">How many of <see cref="Stages"/> have been computed; at 0 this is the forward pass itself.</param>
    /// <param name="input">Their output; at 0 images.</param>
    /// <returns>Logits.</returns>
    internal Tensor CallAfter(int stages, Tensor input)
    {
        if (stages == 0)
            return call(input);
        using Tensor features = Through(stages.., input);
        return Logits(features);
    }

    /// <summary>Runs some of <see cref="Stages"/>; what lies between two of them is given back at once.</summary>
    /// <param name="stages">Which.</param>
    /// <param name="input">The input of the first; it stays the caller's.</param>
    /// <returns>The output of the last, owned by the caller's dispose scope.</returns>
    protected internal Tensor Through(Range stages, Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        (int first, int count) = stages.GetOffsetAndLength(Stages.Count);
        Tensor hidden = input.alias();
        for (int i = first; i < first + count; i++)
        {
            using Tensor before = hidden;
            hidden = Stages[i].Forward(before);
        }
        return hidden;
    }

    /// <summary>
    /// Puts a fresh head in place of the present one, drawn from the seed: weights and biases uniform in +-1/sqrt(<see cref="FeatureCount"/>), the
    /// field's default for linear layers. Make optimizers afterwards: the old head's parameters are gone. Device and type follow the old head.
    /// </summary>
    /// <param name="classes">Number of classes, 2 or more.</param>
    /// <param name="seed">The seed of the head's start.</param>
    public void ReplaceHead(int classes, long seed)
    {
        Require.AtLeast(classes, 2);
        Linear head = Linear(FeatureCount, classes);
        using (var generator = new Generator((ulong)seed))
            Initialization.Linear(head, generator);
        head.to(_head.weight!.dtype).to(_head.weight.device);
        head.train(training);
        bool trainable = _head.weight.requires_grad;
        foreach (Parameter parameter in head.parameters())
        {
            parameter.requires_grad_(trainable);
            parameter.DetachFromDisposeScope();
        }

        Linear old = _head;
        _head = head;
        _internal_submodules.Remove(HeadName);
        register_module(HeadName, head);
        old.Dispose();
    }

    /// <summary>Puts the rows of the head into another order, for classes that are in another order.</summary>
    /// <param name="rows">For each class, the row that is its own until now.</param>
    internal void ReorderHead(IReadOnlyList<int> rows)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor index = tensor([.. rows.Select(row => (long)row)], device: _head.weight!.device);
        foreach (Parameter parameter in _head.parameters())
            parameter.copy_(parameter.index_select(0, index));
    }

    /// <summary>
    /// Freezes or thaws the body, so that only the head trains. A frozen body's BatchNorm still follows the batches in training mode: a linear
    /// probe that must not move it runs the body in evaluation mode (<see cref="Features"/> after <c>eval()</c>).
    /// </summary>
    /// <param name="frozen">True: the body's parameters require no gradient.</param>
    public void FreezeBody(bool frozen = true)
    {
        foreach ((_, Parameter parameter) in NamedParameters(head: false))
            parameter.requires_grad_(!frozen);
    }

    /// <summary>Freezes the parameters whose names match; the others stay as they are.</summary>
    /// <param name="patterns">Names as <c>named_parameters</c> has them, in which * stands for any letters and ? for one: <c>conv1.*</c>,
    /// <c>layer?.0.*</c>.</param>
    /// <exception cref="ArgumentException">A pattern matches no parameter, or none is left to train.</exception>
    public void Freeze(params IReadOnlyCollection<string> patterns)
    {
        ArgumentNullException.ThrowIfNull(patterns);
        if (patterns.Count == 0)
            return;
        (string Name, Parameter Parameter)[] all = [.. named_parameters().Select(p => (p.name, p.parameter))];
        foreach (string pattern in patterns)
        {
            if (!all.Any(p => FileSystemName.MatchesSimpleExpression(pattern, p.Name, ignoreCase: false)))
                throw new ArgumentException($"{pattern} matches no parameter; there are {all[0].Name}, {all[1].Name} ... {all[^1].Name}", nameof(patterns));
        }
        Parameter[] frozen = [.. all.Where(p => patterns.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, p.Name, ignoreCase: false)))
            .Select(p => p.Parameter)];
        if (all.All(p => !p.Parameter.requires_grad || frozen.Contains(p.Parameter, ReferenceEqualityComparer.Instance)))
            throw new ArgumentException($"{string.Join(',', patterns)} leaves no parameter to train", nameof(patterns));
        foreach (Parameter parameter in frozen)
            parameter.requires_grad_(false);
    }

    /// <summary>Draws every weight anew from one seed, independently of the library's global generator (see <see cref="Initialization"/>).</summary>
    /// <param name="seed">The seed.</param>
    public void Initialize(long seed) => Initialization.Apply(this, seed);

    /// <summary>Whether the installed libtorch computes this network's convolutions rightly on this machine (<see cref="ConvolutionCheck"/>).</summary>
    /// <param name="imageSize">Height and width of its input.</param>
    /// <param name="form">The form that it is trained in; float32 in the usual layout is checked in any case.</param>
    /// <exception cref="InvalidOperationException">Another thread uses the network.</exception>
    public ConvolutionReport CheckConvolutions(int imageSize, InputForm form = default)
    {
        using ModelUse use = ModelUse.Alone(this);
        return ConvolutionCheck.Of(this, form, 1, Channels, imageSize, imageSize);
    }

    /// <summary>
    /// The layer that a parameter belongs to, for <see cref="LayerGroups"/>; parameters of one key that follow each other are one layer. Here
    /// <c>layer2.0.bn1.weight</c> is of block 0 of stage 2, and <c>conv1.weight</c> and <c>bn1.weight</c> are both of layer 1; a network that
    /// names its parts otherwise says so itself.
    /// </summary>
    /// <param name="parameter">The parameter's name among the module's.</param>
    /// <returns>The key, and the layer's name for people.</returns>
    protected internal virtual (string Key, string Name) LayerOf(string parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        string[] parts = parameter.Split('.');
        if (parts[0] == HeadName)
            return (HeadName, HeadName);
        if (parts.Length > 2 && int.TryParse(parts[1], out _))
            return ($"{parts[0]}.{parts[1]}", $"{parts[0]}.{parts[1]}");
        string number = parts[0][parts[0].TrimEnd("0123456789".ToCharArray()).Length..];
        return (number.Length > 0 ? number : parts[0], parts[0]);
    }

    /// <summary>Registers the head; the derived constructor calls it after it has registered its body.</summary>
    protected void RegisterHead() => register_module(HeadName, _head);

    private IEnumerable<(string Name, Parameter Parameter)> NamedParameters(bool head)
    {
        string prefix = HeadName + ".";
        return named_parameters().Where(p => p.name.StartsWith(prefix, StringComparison.Ordinal) == head).Select(p => (p.name, p.parameter));
    }
}
