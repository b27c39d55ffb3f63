"""The original's initialisation of convolutions and linear layers."""

from torch import nn

WEIGHTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def initialise_kaiming(module: nn.Module) -> nn.Module:
    """Kaiming-normal (fan_in, leaky_relu) weights and zero biases, in place; returns the module."""
    for layer in module.modules():
        if isinstance(layer, WEIGHTED):
            nn.init.kaiming_normal_(layer.weight, mode="fan_in", nonlinearity="leaky_relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return module
