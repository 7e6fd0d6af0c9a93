namespace Polder.Onnx.Importing;

/// <summary>A step of a network: a layer, or what has nothing to train.</summary>
/// <param name="Inputs">The values that it reads and that depend on the image.</param>
/// <param name="Outputs">The values that it makes; an empty name: nobody reads it.</param>
/// <param name="Run">Computes them: tensors of the caller's scope.</param>
/// <param name="Modules">The layers in it.</param>
/// <param name="IsLayer">Whether it weighs its input: a convolution or a linear layer.</param>
internal sealed record Step(
    IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs, Func<IReadOnlyList<Tensor>, IReadOnlyList<Tensor>> Run, IReadOnlyList<nn.Module> Modules,
    bool IsLayer = false);

/// <summary>Steps from one value to another, which is all that the steps behind them need.</summary>
internal sealed class StepRange
{
    private readonly IReadOnlyList<Step> _steps;
    private readonly string[][] _done;
    private readonly string _input, _output;

    private StepRange(IReadOnlyList<Step> steps, string input, string output)
    {
        (_steps, _input, _output) = (steps, input, output);
        var last = new Dictionary<string, int>();
        for (int i = 0; i < steps.Count; i++)
        {
            foreach (string name in steps[i].Inputs.Concat(steps[i].Outputs))
                last[name] = i;
        }
        _done = [.. steps.Select((_, i) => last.Where(l => l.Value == i && l.Key != output).Select(l => l.Key).ToArray())];
    }

    /// <summary>
    /// Cuts steps where a single value is alive, so that what is before can be computed once and kept; each piece has a layer that can be trained,
    /// and what follows it.
    /// </summary>
    public static IReadOnlyList<BodyStage> Stages(IReadOnlyList<Step> steps, string input, string output)
    {
        // How many values are read behind each place.
        var last = new Dictionary<string, int> { [input] = -1 };
        for (int i = 0; i < steps.Count; i++)
        {
            foreach (string name in steps[i].Inputs)
                last[name] = i;
        }
        last[output] = steps.Count;
        List<(int From, string Input)> pieces = [];
        HashSet<string> alive = [input];
        int from = 0, place = 0;
        string begin = input, next = input;
        bool hasLayer = false;
        for (int i = 0; i < steps.Count; i++)
        {
            // The last place with a single value before a layer: the normalization before it goes with it.
            if (alive.Count == 1)
                (place, next) = (i, alive.Single());
            if (steps[i].IsLayer && hasLayer && place > from)
            {
                pieces.Add((from, begin));
                (from, begin) = (place, next);
            }
            if (steps[i].IsLayer)
                (hasLayer, place) = (true, -1);
            alive.UnionWith(steps[i].Outputs.Where(o => last.GetValueOrDefault(o, -1) > i));
            alive.RemoveWhere(name => last[name] <= i);
        }
        pieces.Add((from, begin));
        return
        [
            .. pieces.Select((piece, i) =>
            {
                (int To, string Output) next = i + 1 < pieces.Count ? (pieces[i + 1].From, pieces[i + 1].Input) : (steps.Count, output);
                Step[] part = [.. steps.Skip(piece.From).Take(next.To - piece.From)];
                return new BodyStage(new StepRange(part, piece.Input, next.Output).Run, [.. part.SelectMany(s => s.Modules).Distinct()]);
            }),
        ];
    }

    private Tensor Run(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        var values = new Dictionary<string, Tensor> { [_input] = input.alias() };
        for (int i = 0; i < _steps.Count; i++)
        {
            Step step = _steps[i];
            IReadOnlyList<Tensor> results = step.Run([.. step.Inputs.Select(name => values[name])]);
            for (int k = 0; k < step.Outputs.Count; k++)
                values[step.Outputs[k]] = results[k];
            foreach (string name in _done[i])
            {
                if (values.Remove(name, out Tensor? done))
                    done.Dispose();
            }
        }
        return values[_output].MoveToOuterDisposeScope();
    }
}
