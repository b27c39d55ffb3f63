"""The visual autoencoders: frame → two pathways → latent → frame.

Basecase: the original's three convolutions per pathway. ResNet: the same stem and sizes, with
torchvision's residual blocks in the place of the second and third convolution.
"""

import torch
from torch import nn
from torchvision.models.resnet import BasicBlock, conv1x1

from ablation.data.frames import FRAME_HEIGHT, FRAME_WIDTH
from ablation.models.initialise import initialise_kaiming

GROUPS, SLOPE = 8, 0.1
FEATURE_SHAPE = (64, 8, 16)
FEATURES = 64 * 8 * 16


def group_norm(channels: int) -> nn.GroupNorm:
    """The original's normalisation: eight groups."""
    return nn.GroupNorm(GROUPS, channels)


def convolution(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """Halves height and width."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride=2, padding=kernel // 2),
        group_norm(outputs),
        nn.LeakyReLU(SLOPE, inplace=True),
    )


def residual(inputs: int, outputs: int) -> BasicBlock:
    """torchvision's basic block, halving height and width."""
    shortcut = nn.Sequential(conv1x1(inputs, outputs, stride=2), group_norm(outputs))
    return BasicBlock(inputs, outputs, stride=2, downsample=shortcut, norm_layer=group_norm)


def basecase_backbone() -> nn.Sequential:
    """(B, 3, 60, 125) -> (B, 64, 8, 16)."""
    return nn.Sequential(convolution(3, 16, 7), convolution(16, 32, 5), convolution(32, 64, 3))


def resnet_backbone() -> nn.Sequential:
    """(B, 3, 60, 125) -> (B, 64, 8, 16)."""
    return nn.Sequential(convolution(3, 16, 7), residual(16, 32), residual(32, 64))


BACKBONES = {"basecase": basecase_backbone, "resnet": resnet_backbone}


class VisualEncoder(nn.Module):
    """Two identical pathways, content and context, concatenated into one latent of width L."""

    def __init__(self, visual: str, latent: int):
        super().__init__()
        self.content = self._pathway(visual, latent)
        self.context = self._pathway(visual, latent)
        self.merge = nn.Linear(2 * latent, latent)

    @staticmethod
    def _pathway(visual: str, latent: int) -> nn.Sequential:
        return nn.Sequential(BACKBONES[visual](), nn.Flatten(), nn.Linear(FEATURES, latent), nn.ReLU())

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        pathways = [self.content(frames), self.context(frames)]  # (B, L) each
        return self.merge(torch.cat(pathways, dim=-1))  # (B, L)


class VisualDecoder(nn.Module):
    """(B, L) -> (B, 3, 60, 125) in [0, 1]."""

    def __init__(self, latent: int):
        super().__init__()
        self.expand = nn.Linear(latent, FEATURES)
        self.layers = nn.Sequential(
            self._upsampling(64, 32, 3),  # (B, 32, 16, 32)
            group_norm(32),
            nn.LeakyReLU(SLOPE, inplace=True),
            self._upsampling(32, 16, 5),  # (B, 16, 32, 64)
            group_norm(16),
            nn.LeakyReLU(SLOPE, inplace=True),
            self._upsampling(16, 3, 7),  # (B, 3, 64, 128)
        )

    @staticmethod
    def _upsampling(inputs: int, outputs: int, kernel: int) -> nn.ConvTranspose2d:
        return nn.ConvTranspose2d(inputs, outputs, kernel, stride=2, padding=kernel // 2, output_padding=1)

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        return self.logits(latent).sigmoid()

    def logits(self, latent: torch.Tensor) -> torch.Tensor:
        """(B, L) -> (B, 3, 60, 125), before the sigmoid."""
        features = self.expand(latent).view(-1, *FEATURE_SHAPE)  # (B, 64, 8, 16)
        return self.layers(features)[:, :, :FRAME_HEIGHT, :FRAME_WIDTH]  # (B, 3, 60, 125)


class VisualAutoencoder(nn.Module):
    """Reconstructs a frame through a latent of width L."""

    def __init__(self, visual: str, latent: int):
        super().__init__()
        self.encoder = VisualEncoder(visual, latent)
        self.decoder = VisualDecoder(latent)
        initialise_kaiming(self)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.encoder(frames))
