"""Windows as batches of tensors on the device that trains."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from ablation.data.store import WINDOW, release
from ablation.data.windows import StoryWindows

INPUTS = WINDOW - 1
MOST_RESIDENT = 2**28
"""Bytes of frames that are looked at before a mapped file's pages are released."""


@dataclass(frozen=True)
class Inputs:
    """What is known of B windows. T is 120, D the text width, L the image latent's.

    Latents stand here where a frozen encoder gives them, the same in every epoch; else they are None.
    """

    frames: torch.Tensor  # (B, 4, 3, 60, 125) float in [0, 1]
    tokens: torch.Tensor  # (B, 4, T) int64
    text_latents: torch.Tensor | None  # (B, 4, D)
    image_latents: torch.Tensor | None  # (B, 4, L)

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True)
class Batch(Inputs):
    """B windows: the four inputs and what is to be predicted."""

    target_frame: torch.Tensor  # (B, 3, 60, 125) float in [0, 1]
    target_tokens: torch.Tensor  # (B, T) int64
    target_count: int
    """Target tokens after the first that are not PAD: what the text loss is a mean over."""


@dataclass(frozen=True)
class SplitTensors:
    """All frames and tokens of a split. On a GPU they lie there whole; on a CPU they stay mapped files."""

    frames: torch.Tensor  # (F, 3, 60, 125) uint8
    tokens: torch.Tensor  # (F, T) int32

    @classmethod
    def of(cls, windows: StoryWindows, device: torch.device) -> "SplitTensors":
        """What lies behind the windows, and behind all others of their split."""
        frames, tokens = torch.from_numpy(windows.frames), torch.from_numpy(windows.token_rows)
        return cls(frames.to(device), tokens.to(device))


class WindowBatches:
    """The windows of some stories, ready to be taken in batches in any order. Latents are those of all rows."""

    def __init__(
        self,
        windows: StoryWindows,
        tensors: SplitTensors,
        pad: int,
        text_latents: torch.Tensor | None = None,
        image_latents: torch.Tensor | None = None,
    ):
        self.tensors = tensors
        self.text_latents, self.image_latents = text_latents, image_latents  # (F, D), (F, L)
        self.target_position = windows.target_position
        device = tensors.frames.device
        self.starts = torch.from_numpy(windows.starts).to(device)  # (W,)
        self.inputs = torch.arange(INPUTS, device=device)
        self.mapped, self.looked_at = windows.frames, 0
        self.target_counts = (windows.target_token_rows()[:, 1:] != pad).sum(axis=1)  # (W,), on the CPU

    def __len__(self) -> int:
        return len(self.starts)

    def in_batches(self, size: int, order: torch.Tensor | None = None) -> Iterator[tuple[Batch, int]]:
        """Each batch and its number of windows; nothing here waits for a GPU."""
        order = torch.arange(len(self)) if order is None else order
        counts = [int(self.target_counts[chosen.numpy()].sum()) for chosen in order.split(size)]
        there = order.to(self.starts.device)
        for chosen, count in zip(there.split(size), counts, strict=True):
            yield self.batch(self.starts[chosen], count), len(chosen)
            self._release(len(chosen))

    def _release(self, windows: int) -> None:
        """Keeps what is resident of a mapped file small, however large the file."""
        self.looked_at += windows * WINDOW * self.mapped[0].nbytes
        if self.looked_at > MOST_RESIDENT:
            release(self.mapped)
            self.looked_at = 0

    def batch(self, starts: torch.Tensor, target_count: int) -> Batch:
        """The windows that start at the rows `starts` (B,)."""
        inputs = starts[:, None] + self.inputs  # (B, 4)
        return Batch(
            frames=pixels(self.tensors.frames.index_select(0, inputs.flatten()).unflatten(0, inputs.shape)),
            tokens=self.tensors.tokens[inputs].long(),
            text_latents=None if self.text_latents is None else self.text_latents[inputs],
            image_latents=None if self.image_latents is None else self.image_latents[inputs],
            target_frame=pixels(self.tensors.frames.index_select(0, starts + INPUTS)),
            target_tokens=self.tensors.tokens[starts + self.target_position].long(),
            target_count=target_count,
        )


def pixels(frames: torch.Tensor) -> torch.Tensor:
    """uint8 -> float in [0, 1], as torchvision's `to_tensor`."""
    return frames.float().div_(255)
