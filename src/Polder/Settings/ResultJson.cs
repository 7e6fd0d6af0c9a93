using System.Globalization;
using System.Numerics;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Polder.Settings;

/// <summary>How settings and results are written as JSON: camelCase, numbers as numbers, a non-finite number as null.</summary>
public static class ResultJson
{
    /// <summary>The form, indented.</summary>
    public static JsonSerializerOptions Options { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new Finite<double>(), new Finite<float>(), new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    /// <summary>The public properties of an object (anonymous ones too) or the entries of a dictionary, as a JSON value.</summary>
    public static JsonNode? Node(object? value) => value is null ? null : JsonSerializer.SerializeToNode(value, value.GetType(), Options);

    /// <summary>The text of an object, ending in a line feed.</summary>
    public static string Text(JsonObject value) => (value ?? throw new ArgumentNullException(nameof(value))).ToJsonString(Options) + "\n";

    /// <summary>A value as one line of JSON, without its end of line.</summary>
    public static string Line(object value) =>
        JsonSerializer.Serialize(value ?? throw new ArgumentNullException(nameof(value)), value.GetType(), LineOptions);

    /// <summary>The name of a setting as a member: <c>learning-rate</c> (or <c>--learning-rate</c>, or the words of a title) as <c>learningRate</c>.</summary>
    public static string MemberName(string option)
    {
        ArgumentNullException.ThrowIfNull(option);
        string[] words = option.Split([' ', '-'], StringSplitOptions.RemoveEmptyEntries);
        return string.Concat(words.Select((word, i) => i == 0 ? word : char.ToUpperInvariant(word[0]) + word[1..]));
    }

    private static readonly JsonSerializerOptions LineOptions = new(Options) { WriteIndented = false };

    // Text and not a number's own bytes, so that each type keeps its shortest form.
    private sealed class Finite<T> : JsonConverter<T>
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.Null ? T.NaN
            : typeof(T) == typeof(float) ? T.CreateChecked(reader.GetSingle()) : T.CreateChecked(reader.GetDouble());

        public override bool HandleNull => true;

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options)
        {
            if (T.IsFinite(value))
                writer.WriteRawValue(value.ToString("R", CultureInfo.InvariantCulture));
            else
                writer.WriteNullValue();
        }
    }
}
