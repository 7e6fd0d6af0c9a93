namespace Polder.Onnx.Importing;

/// <summary>Puts layers under a module by their paths: a name of the library has no dot, so layer1.0.conv1 is a layer in a tree.</summary>
internal sealed class LayerTree(nn.Module root)
{
    private readonly Dictionary<nn.Module, Dictionary<string, nn.Module>> _children = new(ReferenceEqualityComparer.Instance) { [root] = [] };

    /// <summary>Puts a layer at a path, or beside it where something is there.</summary>
    public void Place(string path, nn.Module layer)
    {
        string[] parts = path.Split('.');
        nn.Module at = root;
        foreach (string part in parts[..^1])
            at = Folder(at, part);
        Add(at, parts[^1], layer);
    }

    // Never into a layer: converting one leaves what is inside it behind.
    private nn.Module Folder(nn.Module at, string name)
    {
        while (_children[at].TryGetValue(name, out nn.Module? there))
        {
            if (there is Folders)
                return there;
            name += "_";
        }
        var made = new Folders();
        Add(at, name, made);
        _children[made] = [];
        return made;
    }

    private void Add(nn.Module at, string name, nn.Module child)
    {
        while (!_children[at].TryAdd(name, child))
            name += "_";
        at.register_module(name, child);
    }

    private sealed class Folders() : nn.Module("folder");
}

/// <summary>Parameters of no layer: a class token, the scale of a branch, a table of positions.</summary>
internal sealed class FreeParameter : nn.Module
{
    private readonly string _name;

    /// <summary>A parameter of these values.</summary>
    /// <param name="name">What it is called.</param>
    /// <param name="value">Its values, which are copied.</param>
    public FreeParameter(string name, Tensor value)
        : base("parameter")
    {
        _name = name;
        using Tensor copy = value.detach().clone();
        register_parameter(name, new Parameter(copy));
    }

    /// <summary>The parameter: converting a module replaces it, so it is asked for each time.</summary>
    public Parameter Value => get_parameter(_name)!;
}
