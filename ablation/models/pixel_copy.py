"""The pixel copy path: a gate that mixes the input frames with what is painted from z.

A small U-Net (Ronneberger et al. 2015) looks at the four frames and says for every pixel where it comes from, as the
masks of Finn et al. 2016 do. Blurred frames stand beside the sharp ones: a place that is known to return, but not where
in the frame, is best guessed blurred.
"""

from functools import cache

import torch
from torch import nn
from torch.nn import functional

from ablation.data.frames import FRAME_HEIGHT, FRAME_WIDTH
from ablation.models.visual import SLOPE, group_norm

MIDDLE_GREY = 0.5
PADDING = (0, 128 - FRAME_WIDTH, 0, 64 - FRAME_HEIGHT)
SQUARE = 4
"""The gate is decided for squares of so many pixels, and drawn smooth."""
BLURS = (8,)
"""Sides of the squares that are averaged."""


def convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Keeps the size, or halves it with stride 2."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2),
        group_norm(outputs),
        nn.LeakyReLU(SLOPE, inplace=True),
    )


class PixelCopy(nn.Module):
    """K frames, z and the logits of a painted image -> the image, each pixel a weighted mean of its sources."""

    def __init__(self, frames: int, fused: int, width: int = 24):
        super().__init__()
        self.sources = frames * (1 + len(BLURS)) + 1
        self.down = nn.ModuleList(
            [
                convolution(3 * SQUARE**2 * frames, width, kernel=1),  # (B, w, 16, 32)
                convolution(width, 2 * width, stride=2),  # (B, 2w, 8, 16)
                convolution(2 * width, 4 * width, stride=2),  # (B, 4w, 4, 8)
            ]
        )
        self.whole = nn.Sequential(nn.Linear(4 * width + fused, 4 * width), nn.LeakyReLU(SLOPE))
        self.deepest = convolution(4 * width, 4 * width)
        self.up = nn.ModuleList([convolution(6 * width, 2 * width), convolution(3 * width, width)])
        self.gate = nn.Conv2d(width, self.sources + 3, 3, padding=1)

    def forward(self, frames: torch.Tensor, z: torch.Tensor, painted: torch.Tensor) -> torch.Tensor:
        """Frames (B, K, 3, 60, 125), z (B, F), painted logits (B, 3, 60, 125) -> (B, 3, 60, 125) in [0, 1]."""
        weights, touch = self._looked(frames, z).split([self.sources, 3], dim=1)
        weights = weights.softmax(dim=1)  # (B, S, 60, 125)
        *shares, last = weights.split([frames.shape[1]] * (1 + len(BLURS)) + [1], dim=1)
        image = last * torch.sigmoid(painted + touch)  # (B, 3, 60, 125)
        for share, copies in zip(shares, [frames, *(blurred(frames, size) for size in BLURS)], strict=True):
            image = image + (share[:, :, None] * copies).sum(dim=1)
        return image

    def _looked(self, frames: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        features = functional.pad((frames - MIDDLE_GREY).flatten(1, 2), PADDING)  # (B, 3K, 64, 128)
        features = functional.pixel_unshuffle(features, SQUARE)  # (B, 48K, 16, 32)
        seen = []
        for layer in self.down:
            features = layer(features)
            seen.append(features)
        whole = self.whole(torch.cat([features.mean(dim=(2, 3)), z], dim=1))  # (B, 4w)
        features = self.deepest(features + whole[:, :, None, None])
        for layer, skipped in zip(self.up, reversed(seen[:-1]), strict=True):
            features = layer(torch.cat([twice_as_large(features), skipped], dim=1))
        return drawn_smooth(self.gate(features), SQUARE)


def twice_as_large(images: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) -> (B, C, 2H, 2W)."""
    return functional.interpolate(images, scale_factor=2)


def blurred(frames: torch.Tensor, size: int) -> torch.Tensor:
    """(B, K, 3, 60, 125), averaged over squares of `size` pixels and drawn smooth again."""
    rows, columns = (averaging(side, size).to(frames) for side in frames.shape[-2:])
    return drawn_smooth(rows @ frames @ columns.T, size)


def drawn_smooth(images: torch.Tensor, scale: int) -> torch.Tensor:
    """(…, H, W) -> (…, 60, 125), bilinear and cut to size.

    Two products with small matrices: with its gradient a tenth of what torch's own interpolation takes on a CPU.
    """
    rows, columns = (interpolating(side, scale).to(images) for side in images.shape[-2:])
    return rows[:FRAME_HEIGHT] @ (images @ columns[:FRAME_WIDTH].T)


@cache
def averaging(side: int, size: int) -> torch.Tensor:
    """(⌈side / size⌉, side): means of `size` neighbours each, the last pixel repeated where one is missing."""
    places = torch.arange(-(-side // size) * size).clamp(max=side - 1)
    return functional.one_hot(places, side).float().unflatten(0, (-1, size)).mean(dim=1)


@cache
def interpolating(side: int, scale: int) -> torch.Tensor:
    """(scale · side, side): linear interpolation between neighbours."""
    single = torch.eye(side)[None]
    return functional.interpolate(single, scale_factor=scale, mode="linear")[0].T
