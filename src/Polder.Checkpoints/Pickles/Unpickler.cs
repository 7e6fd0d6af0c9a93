using System.Globalization;
using System.Numerics;
using System.Text;

namespace Polder.Checkpoints.Pickles;

/// <summary>
/// Interprets the opcodes of Python's pickle protocols 0 to 5 that build data, and refuses the rest. A pickle is a program: the two things it can do
/// beyond building data, naming a class or function and calling it, go through <see cref="PickleVocabulary"/>, which knows a fixed list and runs
/// nothing of the file's choosing.
/// </summary>
internal sealed class Unpickler(PickleInput input, Func<object?, object?> persistentLoad)
{
    /// <summary>Two to the power of 2000: beyond every seed and counter, and short enough that printing it takes no time.</summary>
    private const int MaximumIntegerBytes = 256;

    private static readonly object Mark = new();

    private readonly List<object?> _stack = [];
    private readonly Dictionary<long, object?> _memo = [];
    private readonly List<PickleOpaque> _opaque = [];

    /// <summary>Reads one pickle, up to its STOP.</summary>
    public object? Load()
    {
        _stack.Clear();
        _memo.Clear();
        while (true)
        {
            input.Charge(1);
            byte opcode = input.ReadByte();
            if (opcode == '.')
            {
                PickleVocabulary.RequireNoTensors(input, _opaque);
                return _stack.Count == 1 ? Pop() : throw input.Refuse($"the pickle ends with {_stack.Count} values instead of one");
            }
            Execute(opcode);
        }
    }

    private void Execute(byte opcode)
    {
        switch ((char)opcode)
        {
            case '\x80':
                if (input.ReadByte() > 5)
                    throw input.Refuse("the pickle's protocol is newer than 5");
                break;
            case '\x95': input.ReadInt64(); break; // a frame only groups bytes

            case 'N': Push(null); break;
            case '\x88': Push(true); break;
            case '\x89': Push(false); break;
            case 'J': Push((long)input.ReadInt32()); break;
            case 'K': Push((long)input.ReadByte()); break;
            case 'M': Push((long)input.ReadUInt16()); break;
            case '\x8a': PushInteger(Integer(input.ReadByte())); break;
            case '\x8b': PushInteger(Integer(input.ReadInt32())); break;
            case 'I': TextInteger(input.ReadLine()); break;
            case 'L': TextInteger(input.ReadLine().TrimEnd('L')); break;
            case 'G': Push(input.ReadDoubleBigEndian()); break;
            case 'F': Push(TextFloat(input.ReadLine())); break;

            // Python 2 strings are bytes; as keys and names they are Latin-1 text.
            case 'S': Push(Unquote(input.ReadLine())); break;
            case 'T': Push(Encoding.Latin1.GetString(input.ReadBytes(input.ReadInt32()))); break;
            case 'U': Push(Encoding.Latin1.GetString(input.ReadBytes(input.ReadByte()))); break;
            case 'V': Push(input.ReadLine()); break;
            case 'X': Push(input.ReadUtf8((uint)input.ReadInt32())); break;
            case '\x8c': Push(input.ReadUtf8(input.ReadByte())); break;
            case '\x8d': Push(input.ReadUtf8(input.ReadInt64())); break;
            case 'B': Push(input.ReadBytes((uint)input.ReadInt32())); break;
            case 'C': Push(input.ReadBytes(input.ReadByte())); break;
            case '\x8e': Push(input.ReadBytes(input.ReadInt64())); break;

            case '(': Push(Mark); break;
            case '0': Pop(); break;
            case '1': PopToMark(); break;
            case '2': Push(Peek()); break;

            case ')': Push(PickleTuple.Empty); break;
            case 't': Push(new PickleTuple(PopToMark())); break;
            case '\x85': Push(new PickleTuple(PopMany(1))); break;
            case '\x86': Push(new PickleTuple(PopMany(2))); break;
            case '\x87': Push(new PickleTuple(PopMany(3))); break;
            case ']': Push(new PickleList()); break;
            case 'l': Push(NewList(PopToMark())); break;
            case 'a': Append(PopMany(1)); break;
            case 'e': Append(PopToMark()); break;
            case '}': Push(new PickleDictionary()); break;
            case 'd': Push(Fill(new PickleDictionary(), PopToMark())); break;
            case 's': SetItems(PopMany(2)); break;
            case 'u': SetItems(PopToMark()); break;
            case '\x8f': Push(new PickleList()); break; // a set, kept as the list of its members
            case '\x90': Append(PopToMark()); break;
            case '\x91': Push(NewList(PopToMark())); break;

            case 'p': _memo[MemoKey(input.ReadLine())] = Peek(); break;
            case 'q': _memo[input.ReadByte()] = Peek(); break;
            case 'r': _memo[(uint)input.ReadInt32()] = Peek(); break;
            case '\x94': _memo[_memo.Count] = Peek(); break;
            case 'g': Push(Recall(MemoKey(input.ReadLine()))); break;
            case 'h': Push(Recall(input.ReadByte())); break;
            case 'j': Push(Recall((uint)input.ReadInt32())); break;

            case 'c': Push(Global(input.ReadLine(), input.ReadLine())); break;
            case '\x93':
                object?[] names = PopMany(2);
                Push(Global(names[0] as string ?? "?", names[1] as string ?? "?"));
                break;
            case 'P': Push(persistentLoad(input.ReadLine())); break;
            case 'Q': Push(persistentLoad(Pop())); break;
            case 'R':
            case '\x81': // a call, and a new object without one: the same thing for a vocabulary of data
                Call(PopMany(2));
                break;
            case '\x92': // the same with named arguments
                object?[] named = PopMany(3);
                Call(named);
                if (Peek() is PickleOpaque made)
                    made.Parts.Add(named[2]);
                break;
            case 'b':
                object? state = Pop();
                Push(PickleVocabulary.Build(input, Pop(), state));
                break;
            case 'i':
                throw input.Refuse($"the pickle creates an object of '{input.ReadLine()}.{input.ReadLine()}', which is not allowed");
            default:
                throw input.Refuse($"the pickle's operation 0x{opcode:x2} is not allowed");
        }
    }

    private PickleGlobal Global(string module, string name)
    {
        PickleGlobal global = new(module, name);
        return PickleVocabulary.Knows(global) ? global : throw input.Refuse(PickleVocabulary.WhyNot(global));
    }

    private void Call(object?[] call)
    {
        object? made = PickleVocabulary.Call(input, call[0], call[1]);
        if (made is PickleOpaque opaque)
            _opaque.Add(opaque);
        Push(made);
    }

    private void Push(object? value) => _stack.Add(value);

    private object? Peek()
    {
        if (_stack.Count == 0 || _stack[^1] == Mark)
            throw input.Refuse("the pickle takes more values than it made");
        return _stack[^1];
    }

    private object? Pop()
    {
        object? value = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private object?[] PopMany(int count)
    {
        object?[] values = new object?[count];
        while (count > 0)
            values[--count] = Pop();
        return values;
    }

    private object?[] PopToMark()
    {
        int mark = _stack.LastIndexOf(Mark);
        if (mark < 0)
            throw input.Refuse("the pickle closes a group that it did not open");
        object?[] values = [.. _stack[(mark + 1)..]];
        _stack.RemoveRange(mark, _stack.Count - mark);
        return values;
    }

    private static PickleList NewList(object?[] values)
    {
        PickleList list = new();
        list.Items.AddRange(values);
        return list;
    }

    private void Append(object?[] values)
    {
        List<object?> items = Peek() switch
        {
            PickleList list => list.Items,
            PickleOpaque opaque => opaque.Parts,
            _ => throw input.Refuse("the pickle appends to something that is no list"),
        };
        items.AddRange(values);
    }

    private void SetItems(object?[] values)
    {
        if (Peek() is not PickleDictionary dictionary)
            throw input.Refuse("the pickle sets an item of something that is no dictionary");
        Fill(dictionary, values);
    }

    private PickleDictionary Fill(PickleDictionary dictionary, object?[] values)
    {
        if (values.Length % 2 != 0)
            throw input.Refuse("the pickle has a key without a value");
        for (int i = 0; i < values.Length; i += 2)
            dictionary.Set(values[i], values[i + 1]);
        return dictionary;
    }

    private object? Recall(long key) =>
        _memo.TryGetValue(key, out object? value) ? value : throw input.Refuse($"the pickle refers to entry {key}, which it never stored");

    private long MemoKey(string line) =>
        long.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out long key) ? key : throw input.Refuse("a memo number is malformed");

    private BigInteger Integer(long bytes)
    {
        if (bytes is < 0 or > MaximumIntegerBytes)
            throw input.Refuse($"an integer of {bytes} bytes is not allowed, at most {MaximumIntegerBytes} are");
        return new BigInteger(input.ReadBytes(bytes));
    }

    private void TextInteger(string line)
    {
        // Protocols 0 and 1 have no Booleans of their own.
        if (line is "00" or "01")
            Push(line == "01");
        else if (line.Length <= MaximumIntegerBytes * 2
            && BigInteger.TryParse(line, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out BigInteger value))
            PushInteger(value);
        else
            throw input.Refuse("an integer is malformed");
    }

    /// <summary>Integers are 64 bits wide where they fit, so that sizes and offsets need no second form.</summary>
    private void PushInteger(BigInteger value) => Push(value >= long.MinValue && value <= long.MaxValue ? (object)(long)value : (object)value);

    private double TextFloat(string line) => line switch
    {
        "inf" => double.PositiveInfinity,
        "-inf" => double.NegativeInfinity,
        "nan" => double.NaN,
        _ => double.TryParse(line, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : throw input.Refuse("a number is malformed"),
    };

    private string Unquote(string line)
    {
        if (line.Length < 2 || line[0] != line[^1] || line[0] is not ('\'' or '"'))
            throw input.Refuse("a quoted string is malformed");
        return line[1..^1];
    }
}
