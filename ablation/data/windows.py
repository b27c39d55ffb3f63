"""Five frames in a row with their descriptions; and the split of the stories."""

import json
from dataclasses import dataclass, replace

import numpy as np
import torch

from ablation.config.config import short_hash
from ablation.data.store import WINDOW, Store
from ablation.randomness import generator

TRAIN_SHARE = 0.8


@dataclass(frozen=True)
class StoryWindows:
    """The windows of a split, or of some of its stories. Frames and tokens stay on disk."""

    frames: np.ndarray  # (F, 3, 60, 125) uint8
    token_rows: np.ndarray  # (F, T) int32
    texts: list[str]
    marks: list[dict]
    starts: np.ndarray  # (W,) row of frame 1
    numbers: np.ndarray  # (W,) number of frame 1 in its story, from 1
    stories: np.ndarray  # (W,) index into story_ids
    story_ids: list[str]
    places: np.ndarray  # (S,) which of the stories read each was, from 0
    read: int
    text_target: str

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def story_count(self) -> int:
        """Stories that have at least one window here."""
        return len(np.unique(self.stories))

    def at(self, chosen: np.ndarray) -> "StoryWindows":
        """Some of the windows: by their places here, or by a mask."""
        kept = {name: getattr(self, name)[chosen] for name in ("starts", "numbers", "stories")}
        return replace(self, **kept)

    def of_stories(self, chosen: np.ndarray) -> "StoryWindows":
        """The windows of the chosen stories only."""
        return self.at(np.isin(self.stories, chosen))

    def of_kind(self, kind: str) -> "StoryWindows":
        """`first`: those that begin with their story's frame 1, which a story may lack; `sliding`: all."""
        return self.at(self.numbers == 1) if kind == "first" else self

    def names(self) -> list[str]:
        """Of each window, its story and the number of its first frame there, e.g. `train-00007:3`."""
        pairs = zip(self.stories, self.numbers, strict=True)
        return [f"{self.story_ids[story]}:{number}" for story, number in pairs]

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
    """Every window of a split that the store holds."""
    index = store.index(split)
    return StoryWindows(
        frames=store.frames(split),
        token_rows=store.tokens(split),
        texts=index.texts,
        marks=index.marks,
        starts=np.asarray(index.starts),
        numbers=np.asarray(index.numbers),
        stories=np.asarray(index.stories),
        story_ids=index.story_ids,
        places=np.asarray(index.places),
        read=index.read,
        text_target=text_target,
    )


def split_train_validation(windows: StoryWindows, seed: int) -> tuple[StoryWindows, StoryWindows]:
    """80 % of the stories and the other 20 %, drawn by the seed's own generator `split`.

    Drawn among all stories that were read, usable or not: stores with other windows of one data set,
    in which other stories may be usable, are split alike.
    """
    order = torch.randperm(windows.read, generator=generator(seed, "split")).numpy()
    chosen = np.isin(windows.places, order[: int(TRAIN_SHARE * windows.read)])
    return windows.of_stories(np.flatnonzero(chosen)), windows.of_stories(np.flatnonzero(~chosen))


def split_hash(train: StoryWindows, validation: StoryWindows, test: StoryWindows) -> str:
    """Equal where two runs trained on the same stories, whatever windows of them, and were validated and
    tested on the same windows. `train` are therefore all windows of the training stories.
    """
    stories = [train.story_ids[story] for story in np.unique(train.stories)]
    parts = {"train": stories, "validation": validation.names(), "test": test.names()}
    return short_hash({part: json.dumps(names) for part, names in parts.items()})
