using TorchSharp.Modules;
using static TorchSharp.torch;

internal sealed class Network : nn.Module<Tensor, Tensor>
{
    private readonly Sequential _layers = nn.Sequential(
        nn.Linear(2, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 3));

    public Network()
        : base("network") => RegisterComponents();

    public override Tensor forward(Tensor input) => _layers.call(input);
}
