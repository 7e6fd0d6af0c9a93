using System.Runtime.CompilerServices;

namespace Polder.Objectives;

/// <summary>
/// A use of a model that leaves it as it was. Several threads may ask one at once (predict, evaluate): the first puts it into evaluation
/// mode, the last gives every module its own mode back. What moves weights, gradients or statistics (a measurement, a training) has it alone.
/// </summary>
/// <remarks>
/// A use is begun and ended on one thread, and what that thread begins within it is part of it. A use that meets one of another thread that
/// it cannot share the model with is refused and does not wait: either could be waiting for the other.
/// </remarks>
public sealed class ModelUse : IDisposable
{
    private static readonly Lock Gate = new();
    private static readonly ConditionalWeakTable<object, Users> AllUsers = [];

    private readonly nn.Module? _model;
    private readonly Users[] _users;
    private readonly bool _alone;
    private readonly (nn.Module Module, bool Training)[] _modes = [];

    // The parameters stand for the model as well: weights can be moved by who knows no module.
    private ModelUse(nn.Module? model, IEnumerable<Parameter> parameters, bool alone)
    {
        object[] parts = model is null ? [.. parameters] : [model, .. parameters];
        (_model, _alone) = (model, alone);
        lock (Gate)
        {
            _users = Array.ConvertAll(parts, part => AllUsers.GetOrCreateValue(part));
            int thread = Environment.CurrentManagedThreadId;
            if (Array.Exists(_users, u => u.Uses > 0 && u.Owner != thread))
                throw new InvalidOperationException("the model is being measured or trained by another thread: wait for that, or use a copy of the model");
            if (alone && Array.Exists(_users, u => u.Uses == 0 && u.Asking > 0))
                throw new InvalidOperationException(
                    "the model is being asked by another thread, and what moves it needs it alone: wait for that, or use a copy of the model");
            if (!alone && _users[0].Asking > 0 && model!.training)
                throw new InvalidOperationException(
                    "the model was put into training mode while another thread asks it: wait for that, or use a copy of the model");
            if (model is not null && (alone || _users[0].Asking == 0))
                _modes = [.. model.modules().Prepend(model).Distinct().Select(m => (m, m.training))];
            if (!alone && _users[0].Asking == 0)
            {
                _users[0].Modes = _modes;
                model!.eval();
            }
            foreach (Users users in _users)
                (users.Owner, users.Uses, users.Asking) = alone ? (thread, users.Uses + 1, users.Asking) : (users.Owner, users.Uses, users.Asking + 1);
        }
    }

    /// <summary>Asks a model in evaluation mode, together with others that ask it.</summary>
    /// <param name="model">The model.</param>
    /// <exception cref="InvalidOperationException">Another thread measures or trains it.</exception>
    public static ModelUse Ask(nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new ModelUse(model, model.parameters(), alone: false);
    }

    /// <summary>Takes a model for oneself; modes may be changed and are given back.</summary>
    /// <param name="model">The model.</param>
    /// <exception cref="InvalidOperationException">Another thread uses it.</exception>
    public static ModelUse Alone(nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new ModelUse(model, model.parameters(), alone: true);
    }

    /// <summary>Takes parameters for oneself, and so every model that has one of them; modes are left to the caller.</summary>
    /// <param name="parameters">The parameters.</param>
    /// <exception cref="InvalidOperationException">Another thread uses a model that has one of them.</exception>
    public static ModelUse Alone(IEnumerable<Parameter> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        return new ModelUse(null, parameters, alone: true);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (Gate)
        {
            foreach (Users users in _users)
                (users.Uses, users.Asking) = _alone ? (users.Uses - 1, users.Asking) : (users.Uses, users.Asking - 1);
            if (_model is null || (!_alone && _users[0].Asking > 0))
                return;
            // From the outside in: setting a module's mode sets that of its children.
            foreach ((nn.Module module, bool training) in _alone ? _modes : _users[0].Modes)
                if (module.training != training)
                    module.train(training);
        }
    }

    private sealed class Users
    {
        /// <summary>The thread that has it alone, where there are <see cref="Uses"/>.</summary>
        public int Owner { get; set; }

        public int Uses { get; set; }

        public int Asking { get; set; }

        public (nn.Module Module, bool Training)[] Modes { get; set; } = [];
    }
}
