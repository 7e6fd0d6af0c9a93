using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Polder.Checkpoints.Pickles;

/// <summary>Writes the pickle (protocol 2, as PyTorch's) of an ordered dictionary of tensors.</summary>
internal sealed class Pickler
{
    private readonly ArrayBufferWriter<byte> _output = new();

    /// <summary>The dictionary whose tensors are dense views of whole storages.</summary>
    public static byte[] StateDictionary(IEnumerable<(string Name, string Storage, long Offset, long StorageCount, ElementType Type, long[] Shape)> tensors)
    {
        Pickler pickle = new();
        pickle.Bytes([0x80, 2]);
        pickle.Global("collections", "OrderedDict");
        pickle.Bytes(")R("u8);
        foreach ((string name, string storage, long offset, long count, ElementType type, long[] shape) in tensors)
        {
            pickle.Text(name);
            pickle.Global("torch._utils", "_rebuild_tensor_v2");
            pickle.Bytes("(("u8);
            pickle.Text("storage");
            pickle.Global("torch", type.TorchStorage);
            pickle.Text(storage);
            pickle.Text("cpu");
            pickle.Integer(count);
            pickle.Bytes("tQ"u8);
            pickle.Integer(offset);
            pickle.Tuple(shape);
            long[] strides = new long[shape.Length];
            long stride = 1;
            for (int d = shape.Length - 1; d >= 0; d--)
            {
                strides[d] = stride;
                stride *= Math.Max(shape[d], 1);
            }
            pickle.Tuple(strides);
            pickle.Bytes([0x89]); // no gradient required
            pickle.Global("collections", "OrderedDict"); // no hooks
            pickle.Bytes(")RtR"u8);
        }
        pickle.Bytes("u."u8);
        return pickle._output.WrittenSpan.ToArray();
    }

    private void Bytes(ReadOnlySpan<byte> bytes) => _output.Write(bytes);

    private void Global(string module, string name) => Bytes(Encoding.ASCII.GetBytes($"c{module}\n{name}\n"));

    private void Text(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> head = stackalloc byte[5];
        head[0] = (byte)'X';
        BinaryPrimitives.WriteInt32LittleEndian(head[1..], bytes.Length);
        Bytes(head);
        Bytes(bytes);
    }

    private void Integer(long value)
    {
        Span<byte> bytes = stackalloc byte[10];
        if (value is >= int.MinValue and <= int.MaxValue)
        {
            bytes[0] = (byte)'J';
            BinaryPrimitives.WriteInt32LittleEndian(bytes[1..], (int)value);
            Bytes(bytes[..5]);
            return;
        }
        bytes[0] = 0x8a;
        bytes[1] = 8;
        BinaryPrimitives.WriteInt64LittleEndian(bytes[2..], value);
        Bytes(bytes);
    }

    private void Tuple(long[] values)
    {
        Bytes("("u8);
        foreach (long value in values)
            Integer(value);
        Bytes("t"u8);
    }
}
