"""Signs of life: does the prediction vary with the input, and does it need it?"""

import numpy as np
import torch

ALIVE = 1e-6


class Spread:
    """The standard deviation of each pixel over the samples seen, averaged over the pixels."""

    def __init__(self):
        self.count = 0
        self.sum = self.square_sum = None

    def add(self, images: torch.Tensor) -> None:
        """Images (B, 3, 60, 125)."""
        images = images.double()
        total, squares = images.sum(dim=0), images.square().sum(dim=0)
        self.sum = total if self.sum is None else self.sum + total
        self.square_sum = squares if self.square_sum is None else self.square_sum + squares
        self.count += len(images)

    def value(self) -> float:
        """0 when every image is the same; the pixels' own unit, in [0, 0.5]."""
        mean = self.sum / self.count
        variance = self.square_sum / self.count - mean.square()
        return variance.clamp(min=0).sqrt().mean().item()


def dead_units(z: torch.Tensor) -> float:
    """Share of the units of z (N, F) that are zero for every input, in [0, 1]."""
    return (z.abs().amax(dim=0) <= ALIVE).float().mean().item()


def of_another_story(stories: np.ndarray) -> np.ndarray | None:
    """(N,) for each of N windows, of the `stories` (N,), the place of one that is of another story: half the set away,
    or the next there is. None where all are of one story.
    """
    if len(np.unique(stories)) < 2:
        return None
    places = np.roll(np.arange(len(stories)), len(stories) // 2)
    while (own := stories[places] == stories).any():
        places[own] = (places[own] + 1) % len(stories)
    return places
