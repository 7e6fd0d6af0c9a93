using System.Globalization;
using System.Reflection;

namespace Polder.Optimization;

/// <summary>
/// The state of a TorchSharp optimizer as named tensors: what it keeps for each parameter (momentum, moments, counts of steps) and the
/// options of its groups (the learning rate that a schedule has come to).
/// </summary>
/// <remarks>
/// TorchSharp's own format cannot be used: it takes its bytes for granted, and a momentum that the new optimizer does not have yet is
/// loaded as float32 and into the caller's dispose scope. Its classes keep their state in fields, which this class reads by name. Fields
/// of a type that it cannot save are refused, so that an optimizer of somebody else's is never resumed with half its state.
/// </remarks>
internal static class BaseOptimizerState
{
    private const string StatePrefix = "base.", GroupPrefix = "group.";

    public static void Save(OptimizerHelper optimizer, IDictionary<string, Tensor> state)
    {
        foreach (Item item in ItemsOf(optimizer))
            if (item.Get() is { } value)
                state[item.Name] = item.IsTensor
                    ? ((Tensor)value).detach().clone()
                    : tensor(Convert.ToDouble(value, CultureInfo.InvariantCulture), ScalarType.Float64);
    }

    /// <summary>Finds every error before <see cref="Load"/> changes anything.</summary>
    /// <exception cref="ArgumentException">The state is not of this optimizer; the message says what differs.</exception>
    public static void Check(OptimizerHelper optimizer, IReadOnlyDictionary<string, Tensor> state)
    {
        var known = new HashSet<string>();
        foreach (Item item in ItemsOf(optimizer))
        {
            known.Add(item.Name);
            if (!state.TryGetValue(item.Name, out Tensor? stored))
            {
                // A missing tensor is one that was not there yet; numbers are there from the start.
                if (!item.IsTensor && item.Get() is not null)
                    throw new ArgumentException(
                        $"the saved state lacks {item.Name}: it was saved with fewer parameters or groups than the optimizer has", nameof(state));
                continue;
            }
            long[] shape = item.IsTensor ? item.Parameter!.shape : [];
            if (!stored.shape.SequenceEqual(shape))
                throw new ArgumentException(
                    $"{item.Name} of the saved state has shape [{string.Join(", ", stored.shape)}], the optimizer's parameter [{string.Join(", ", shape)}]",
                        nameof(state));
        }
        string? unknown = state.Keys.FirstOrDefault(key =>
            (key.StartsWith(StatePrefix, StringComparison.Ordinal) || key.StartsWith(GroupPrefix, StringComparison.Ordinal)) && !known.Contains(key));
        if (unknown is not null)
            throw new ArgumentException(
                $"the optimizer has no place for {unknown} of the saved state: it was saved with other parameters or groups", nameof(state));
    }

    public static void Load(OptimizerHelper optimizer, IReadOnlyDictionary<string, Tensor> state)
    {
        using var noGrad = no_grad();
        foreach (Item item in ItemsOf(optimizer))
        {
            Tensor? stored = state.GetValueOrDefault(item.Name);
            if (!item.IsTensor)
                item.SetNumber(stored?.ToDouble());
            else
                LoadTensor(item, stored);
        }
    }

    // A tensor of its own, outside of every dispose scope: it lives as long as the optimizer.
    private static void LoadTensor(Item item, Tensor? stored)
    {
        (item.Get() as Tensor)?.Dispose();
        if (stored is null)
        {
            item.Set(null);
            return;
        }
        using var scope = NewDisposeScope();
        Tensor copy = stored.detach().to(item.Parameter!.device).clone();
        item.Set(copy.DetachFromDisposeScope());
    }

    private static IEnumerable<Item> ItemsOf(OptimizerHelper optimizer)
    {
        var dictionary = optimizer.state_dict();
        Parameter[] parameters = [.. optimizer.parameters()];
        for (int i = 0; i < dictionary.State.Count; i++)
            foreach (FieldInfo field in FieldsOf(dictionary.State[i].GetType(), typeof(OptimizerState)))
                yield return new Item($"{StatePrefix}{i}.{NameOf(field)}", field, dictionary.State[i], parameters[i]);
        for (int i = 0; i < dictionary.Options.Count; i++)
            foreach (FieldInfo field in FieldsOf(dictionary.Options[i].GetType(), typeof(object)))
                yield return new Item($"{GroupPrefix}{i}.{NameOf(field)}", field, dictionary.Options[i], null);
    }

    // The fields of a class and its base classes below one.
    private static IEnumerable<FieldInfo> FieldsOf(Type type, Type below)
    {
        for (Type? t = type; t is not null && t != below; t = t.BaseType)
            foreach (FieldInfo field in t.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            {
                Type kind = Nullable.GetUnderlyingType(field.FieldType) ?? field.FieldType;
                if (kind != typeof(Tensor) && kind != typeof(double) && kind != typeof(long) && kind != typeof(bool))
                    throw new NotSupportedException(
                        $"the state of {type.DeclaringType?.Name ?? type.Name} has {field.Name} of type {field.FieldType.Name}, which cannot be saved");
                yield return field;
            }
    }

    // LearningRate is a property, whose field the compiler names <LearningRate>k__BackingField.
    private static string NameOf(FieldInfo field) => field.Name is ['<', ..] name ? name[1..name.IndexOf('>')] : field.Name;

    /// <summary>One field of one object.</summary>
    /// <param name="Name">Its name in the saved state.</param>
    /// <param name="Field">The field.</param>
    /// <param name="Owner">The object.</param>
    /// <param name="Parameter">The parameter whose state it is; null for the options of a group.</param>
    private sealed record Item(string Name, FieldInfo Field, object Owner, Parameter? Parameter)
    {
        public Type Type { get; } = Nullable.GetUnderlyingType(Field.FieldType) ?? Field.FieldType;

        public bool IsTensor => Type == typeof(Tensor);

        public object? Get() => Field.GetValue(Owner) is Tensor { IsInvalid: true } ? null : Field.GetValue(Owner);

        public void Set(object? value) => Field.SetValue(Owner, value);

        // Counts of steps are far below 2^53, so that a double holds each exactly.
        public void SetNumber(double? value)
        {
            if (value is not { } number)
                Set(null);
            else if (Type == typeof(long))
                Set((long)number);
            else if (Type == typeof(bool))
                Set(number != 0);
            else
                Set(number);
        }
    }
}
