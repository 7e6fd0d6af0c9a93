using System.Buffers.Binary;
using System.Text;

namespace Polder.Checkpoints.Pickles;

/// <summary>The classes and functions that a checkpoint's pickle may name, and what each of them means here. Everything else is refused by name.</summary>
internal static class PickleVocabulary
{
    private const string RebuildTensor = "torch._utils._rebuild_tensor";
    private const string RebuildTensor2 = "torch._utils._rebuild_tensor_v2";
    private const string RebuildTensor3 = "torch._utils._rebuild_tensor_v3";
    private const string RebuildParameter = "torch._utils._rebuild_parameter";
    private const string RebuildParameterWithState = "torch._utils._rebuild_parameter_with_state";
    private const string RebuildFromType = "torch._tensor._rebuild_from_type_v2";
    private const string OrderedDict = "collections.OrderedDict";
    private const string Encode = "_codecs.encode";
    private const string NumpyType = "numpy.dtype";

    private static readonly HashSet<string> Names =
    [
        OrderedDict, RebuildTensor, RebuildTensor2, RebuildTensor3, RebuildParameter, RebuildParameterWithState, RebuildFromType,
        "torch.Tensor", "torch.Size", "torch.device", "torch.nn.parameter.Parameter",
        "torch.storage.UntypedStorage", "torch.UntypedStorage",
        "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", NumpyType, Encode,
    ];

    // Kept as names only: training scripts put their arguments and their optimizer's class beside the weights.
    private static readonly HashSet<string> OpaqueNames = ["argparse.Namespace"];

    /// <summary>Whether a pickle may name it.</summary>
    public static bool Knows(PickleGlobal global) =>
        Names.Contains(global.FullName) || IsOpaque(global)
        || (global.Module == "torch" && (ElementType.Find(t => t.TorchStorage, global.Name) ?? ElementType.Find(t => t.TorchType, global.Name)) is not null);

    /// <summary>Says why a name is refused, in terms of what the file probably is.</summary>
    public static string WhyNot(PickleGlobal global)
    {
        string name = global.FullName;
        if (name.Contains("_rebuild_qtensor", StringComparison.Ordinal) || (global.Module == "torch" && global.Name.StartsWith('Q')))
            return $"the file holds quantised tensors ('{name}'), which Polder does not read";
        if (name.Contains("sparse", StringComparison.Ordinal))
            return $"the file holds sparse tensors ('{name}'), which Polder does not read";
        if (global.Module == "torch")
            return $"the file holds data of type '{name}', which TorchSharp cannot hold";
        if (global.Module.StartsWith("__torch__", StringComparison.Ordinal))
            return $"the file is a TorchScript archive (class '{name}'); save the module's state_dict() instead";
        return $"the pickle names '{name}', which is not on the list of what a checkpoint may name; nothing was run. If you trust the file, "
            + "save its state_dict() alone";
    }

    /// <summary>What a call of an allowed name makes.</summary>
    public static object? Call(PickleInput input, object? function, object? arguments)
    {
        if (function is not PickleGlobal global || arguments is not PickleTuple { Items: var items })
            throw input.Refuse("the pickle calls something that is no function of the list");
        switch (global.FullName)
        {
            case OrderedDict: return NewDictionary(input, items);
            case RebuildTensor when items.Length == 4:
            case RebuildTensor2 when items.Length is 6 or 7:
                return NewTensor(input, items, null);
            case RebuildTensor3 when items.Length is 7 or 8 && items[6] is PickleGlobal type:
                return NewTensor(input, items, ElementType.Find(t => t.TorchType, type.Name) ?? throw input.Refuse(WhyNot(type)));
            case RebuildParameter when items.Length == 3 && items[0] is TensorReference:
            case RebuildParameterWithState when items.Length == 4 && items[0] is TensorReference:
                return items[0];
            case RebuildFromType when items.Length == 4 && items[0] is PickleGlobal { FullName: not RebuildFromType } inner:
                return Call(input, inner, items[2]);
            case "torch.Size" when items.Length == 1: return items[0];
            case "torch.device": return items.Length > 0 ? items[0] : null;
            case Encode when items is [string { Length: <= 64 } text, "latin1" or "latin-1"]: return Latin1(input, text); // the bytes of a number
            case NumpyType when items.Length > 0 && items[0] is string code: return new NumpyScalarType(code);
            case "numpy.core.multiarray.scalar" or "numpy._core.multiarray.scalar" when items is [NumpyScalarType type, byte[] bytes]:
                return type.Value(input, bytes);
        }
        if (IsOpaque(global))
            return new PickleOpaque(global);
        throw input.Refuse($"the pickle calls '{global.FullName}' with arguments that it does not take");
    }

    /// <summary>What setting the state of an object makes: data keeps its items, and attributes are of no use to a checkpoint.</summary>
    public static object? Build(PickleInput input, object? target, object? state) => target switch
    {
        PickleDictionary or PickleOpaque or TensorReference => target,
        NumpyScalarType type when state is PickleTuple { Items: [_, string order, ..] } => type with { Order = order },
        _ => throw input.Refuse("the pickle sets the state of something that has none"),
    };

    private static bool IsOpaque(PickleGlobal global) =>
        OpaqueNames.Contains(global.FullName) || global.Module.StartsWith("torch.optim.", StringComparison.Ordinal);

    private static PickleDictionary NewDictionary(PickleInput input, object?[] arguments)
    {
        PickleDictionary dictionary = new();
        if (arguments.Length == 0)
            return dictionary;
        if (arguments is not [PickleList pairs])
            throw input.Refuse("the pickle makes an ordered dictionary from something that is no list");
        input.Charge(pairs.Items.Count); // one list may be the argument of many calls
        foreach (object? pair in pairs.Items)
        {
            object?[] two = pair is PickleTuple tuple ? tuple.Items : pair is PickleList list ? [.. list.Items.Take(3)] : [];
            if (two.Length != 2)
                throw input.Refuse("the pickle makes an ordered dictionary from something that is no list of pairs");
            dictionary.Set(two[0], two[1]);
        }
        return dictionary;
    }

    private static TensorReference NewTensor(PickleInput input, object?[] items, ElementType? type)
    {
        StorageReference storage = items[0] switch
        {
            StorageReference reference => reference,
            // Some writers of the tar form put the storage's tuple where a reference to it belongs.
            PickleTuple tuple => StorageReference.Of(input, tuple),
            _ => throw input.Refuse("the pickle makes a tensor from something that is no storage"),
        };
        type ??= storage.Type ?? throw input.Refuse("the pickle makes a tensor of a storage without an element type");
        if (items[1] is not long offset)
            throw input.Refuse("the pickle makes a tensor whose offset is no number");
        return new TensorReference(storage, type, offset, Sizes(input, items[2]), Sizes(input, items[3]));
    }

    private static long[] Sizes(PickleInput input, object? value)
    {
        IReadOnlyList<object?> items = value switch
        {
            PickleTuple tuple => tuple.Items,
            PickleList list => list.Items,
            _ => throw input.Refuse("the pickle makes a tensor whose sizes are no tuple"),
        };
        // libtorch allows 64; checked here so that no list is converted in vain.
        if (items.Count > 64)
            throw input.Refuse($"the pickle makes a tensor of {items.Count} dimensions");
        return [.. items.Select(item => item is long size ? size : throw input.Refuse("the pickle makes a tensor whose sizes are no numbers"))];
    }

    private static byte[] Latin1(PickleInput input, string text) =>
        text.All(c => c <= 0xff) ? Encoding.Latin1.GetBytes(text) : throw input.Refuse("the pickle encodes text that is not Latin-1");

    /// <summary>NumPy's type of a single number: training scripts store their best accuracy as one.</summary>
    private sealed record NumpyScalarType(string Code)
    {
        public string Order { get; init; } = "<";

        public object Value(PickleInput input, byte[] bytes)
        {
            byte[] little = Order == ">" ? [.. bytes.Reverse()] : bytes;
            return (Code, little.Length) switch
            {
                ("f8", 8) => BinaryPrimitives.ReadDoubleLittleEndian(little),
                ("f4", 4) => (double)BinaryPrimitives.ReadSingleLittleEndian(little),
                ("f2", 2) => (double)BinaryPrimitives.ReadHalfLittleEndian(little),
                ("i8", 8) => BinaryPrimitives.ReadInt64LittleEndian(little),
                ("i4", 4) => (long)BinaryPrimitives.ReadInt32LittleEndian(little),
                ("b1", 1) => little[0] != 0,
                _ => throw input.Refuse($"the pickle has a NumPy number of type '{Code}' in {bytes.Length} bytes"),
            };
        }
    }
}
