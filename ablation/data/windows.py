"""Five frames in a row with their descriptions; and the split of the stories."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from ablation.data.store import WINDOW, Store
from ablation.randomness import generator

TRAIN_SHARE = 0.8


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
