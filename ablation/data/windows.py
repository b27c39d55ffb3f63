"""Five frames in a row with their descriptions, as tensors; and the split of the stories."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from ablation.data.store import WINDOW, Store
from ablation.randomness import generator

TRAIN_SHARE = 0.8


@dataclass(frozen=True)
class Batch:
    """B windows: the four inputs and what is to be predicted. T is 120."""

    frames: torch.Tensor  # (B, 4, 3, 60, 125) float in [0, 1]
    tokens: torch.Tensor  # (B, 4, T) int64
    target_frame: torch.Tensor  # (B, 3, 60, 125) float in [0, 1]
    target_tokens: torch.Tensor  # (B, T) int64

    def __len__(self) -> int:
        return len(self.frames)

    def to(self, device: torch.device) -> "Batch":
        """The same batch on a device."""
        return Batch(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class StoryWindows:
    """The windows of a split, or of some of its stories. Frames and tokens stay on disk."""

    frames: np.ndarray  # (F, 3, 60, 125) uint8
    token_rows: np.ndarray  # (F, T) int32
    texts: list[str]
    starts: np.ndarray  # (W,) row of frame 1
    stories: np.ndarray  # (W,) index into story_ids
    story_ids: list[str]
    text_target: str

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def story_count(self) -> int:
        """Stories that have at least one window here."""
        return len(np.unique(self.stories))

    def of_stories(self, chosen: np.ndarray) -> "StoryWindows":
        """The windows of the chosen stories only."""
        kept = np.isin(self.stories, chosen)
        return replace(self, starts=self.starts[kept], stories=self.stories[kept])

    def batch(self, chosen: np.ndarray) -> Batch:
        """The chosen windows as tensors."""
        rows = self.starts[chosen][:, None] + np.arange(WINDOW)  # (B, 5)
        frames = torch.from_numpy(self.frames[rows]).float().div(255)  # (B, 5, 3, 60, 125)
        tokens = torch.from_numpy(self.token_rows[rows]).long()  # (B, 5, T)
        target = self.target_position
        return Batch(frames[:, :4], tokens[:, :4], frames[:, 4], tokens[:, target])

    @property
    def target_position(self) -> int:
        """Which frame's description is the text target, from 0."""
        return 4 if self.text_target == "frame5" else 3

    def target_token_rows(self) -> np.ndarray:
        """(W, T) int32: the text target of every window."""
        return self.token_rows[self.starts + self.target_position]

    def target_frame_rows(self) -> np.ndarray:
        """(W,) row of every window's fifth frame."""
        return self.starts + WINDOW - 1

    def window_texts(self, window: int) -> list[str]:
        """The five descriptions of one window."""
        start = int(self.starts[window])
        return self.texts[start : start + WINDOW]


def all_windows(store: Store, split: str, text_target: str) -> StoryWindows:
    """Every window of a split."""
    index = store.index(split)
    return StoryWindows(
        frames=store.frames(split),
        token_rows=store.tokens(split),
        texts=index.texts,
        starts=np.asarray(index.starts),
        stories=np.asarray(index.stories),
        story_ids=index.story_ids,
        text_target=text_target,
    )


def split_train_validation(windows: StoryWindows, seed: int) -> tuple[StoryWindows, StoryWindows]:
    """80 % of the stories and the other 20 %, drawn by the seed's own generator `split`."""
    count = len(windows.story_ids)
    order = torch.randperm(count, generator=generator(seed, "split")).numpy()
    train = int(TRAIN_SHARE * count)
    return windows.of_stories(order[:train]), windows.of_stories(order[train:])
