"""Exports torchvision's architectures with random weights as ONNX files, for POLDER_ONNX_FILES=DIR (tests/Polder.Onnx.Tests/ImportTests.cs).

On Debian: apt-get install python3-torchvision; /usr/bin/python3 bench/torchvision/export.py DIR [ARCHITECTURE,... [OPSET,... [IMAGES]]]
With IMAGES the files are for so many at once, as PyTorch has them where nothing else is asked, and folded alone.
"""

import os
import sys

import torch
import torchvision

ARCHITECTURES = (
    "alexnet,convnext_tiny,densenet121,efficientnet_b0,efficientnet_v2_s,googlenet,inception_v3,maxvit_t,mnasnet0_5,mobilenet_v2,"
    "mobilenet_v3_small,regnet_x_400mf,regnet_y_400mf,regnet_y_800mf,resnext50_32x4d,shufflenet_v2_x0_5,squeezenet1_0,squeezenet1_1,swin_t,vit_b_32"
)


def network(name, generator):
    """The architecture with ten classes, with statistics as of a trained network and no head of zeros."""
    torch.manual_seed(0)
    more = {"init_weights": True, "aux_logits": True} if name in ("googlenet", "inception_v3") else {}
    model = getattr(torchvision.models, name)(weights=None, num_classes=10, **more)
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.copy_(0.1 * torch.randn(layer.num_features, generator=generator))
            layer.running_var.copy_(0.5 + torch.rand(layer.num_features, generator=generator))
        elif isinstance(layer, torch.nn.Linear) and layer.weight.abs().max() == 0:
            layer.weight.data.normal_(0, 0.05, generator=generator)
    return model.eval()


def main():
    folder = sys.argv[1]
    names = (sys.argv[2] if len(sys.argv) > 2 else ARCHITECTURES).split(",")
    opsets = (sys.argv[3] if len(sys.argv) > 3 else "15").split(",")
    fixed = int(sys.argv[4]) if len(sys.argv) > 4 else None
    # Folded as for use, and with BatchNorm's layers kept.
    kinds = [("eval", torch.onnx.TrainingMode.EVAL, True), ("bn", torch.onnx.TrainingMode.PRESERVE, False)]
    axes = {} if fixed else {"dynamic_axes": {"input": {0: "n"}, "logits": {0: "n"}}}
    os.makedirs(folder, exist_ok=True)
    for name in names:
        generator = torch.Generator().manual_seed(1)
        model = network(name, generator)
        size = 299 if name == "inception_v3" else 224
        images = torch.randn(fixed or 2, 3, size, size, generator=generator)
        for kind, training, folded in kinds[:1] if fixed else kinds:
            for opset in opsets:
                torch.onnx.export(
                    model, images, os.path.join(folder, f"{name}.{kind}.{opset}.onnx"), opset_version=int(opset), training=training,
                    do_constant_folding=folded, input_names=["input"], output_names=["logits"], **axes)
        print(name, flush=True)


main()
