"""Some windows' predictions, made ready to be looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from PIL import Image

from ablation.data.frames import picture_of
from ablation.data.tokens import decode
from ablation.data.windows import WINDOW, StoryWindows
from ablation.train.pictures import PredictionPage
from ablation.train.story_task import StoryTask

RANKS = ("best", "median", "worst")


def page_of(windows: StoryWindows, place: int = 0) -> PredictionPage:
    """A page for the predictions of one window."""
    return PredictionPage(
        windows.story_ids[windows.stories[place]],
        frames_of(windows, place) / np.float32(255),
        windows.window_texts(place),
        windows.text_target,
    )


def frames_of(windows: StoryWindows, place: int) -> np.ndarray:
    """(5, 3, 60, 125) uint8."""
    start = windows.starts[place]
    return windows.frames[start : start + WINDOW]


def first_predictions(
    task: StoryTask, parts: Sequence[StoryWindows], tokenizer
) -> list[tuple[np.ndarray, str]]:
    """Of the first window of each part."""
    return [predictions(task, windows, [0], tokenizer)[0] for windows in parts]


@torch.no_grad()
def predictions(
    task: StoryTask, windows: StoryWindows, places: Sequence[int], tokenizer
) -> list[tuple[np.ndarray, str]]:
    """The frame (3, 60, 125) in [0, 1], and the text that the model writes by itself, without teacher forcing."""
    shown = []
    for batch, _ in task.batches(windows, torch.tensor(places), size=1):
        frames, (words,) = task.generate(batch)
        shown.append((frames[0].float().cpu().numpy(), decode(tokenizer, words)))
    return shown


@dataclass(frozen=True)
class Gallery:
    """The test windows that a model painted best, in the middle and worst: no one has picked them."""

    windows: StoryWindows
    places: list[int]
    """Of the best, the median and the worst one, by their image loss."""
    losses: list[float]
    predicted: list[tuple[np.ndarray, str]]

    @classmethod
    def of(cls, task: StoryTask, windows: StoryWindows, losses: np.ndarray, tokenizer) -> "Gallery":
        """`losses` are the windows' image losses, (W,)."""
        order = np.argsort(losses, kind="stable")
        places = [int(order[rank]) for rank in (0, len(order) // 2, -1)]
        chosen = [float(losses[place]) for place in places]
        return cls(windows, places, chosen, predictions(task, windows, places, tokenizer))

    def pages(self, title: str) -> dict[str, Image.Image]:
        """By rank, to be looked at."""
        titles = [
            f"{title}, {rank} of {len(self.windows)} test windows (L1 {loss:.4f})"
            for rank, loss in zip(RANKS, self.losses, strict=True)
        ]
        each = zip(RANKS, titles, self.places, self.predicted, strict=True)
        return {
            rank: page_of(self.windows, place).predicted(title, *made) for rank, title, place, made in each
        }

    def sheet(self) -> Image.Image:
        """The frames alone, pixel by pixel: a row a rank, 125 pixels a column: frames 1 to 5, then the prediction."""
        rows = []
        for place, (painted, _) in zip(self.places, self.predicted, strict=True):
            seen = frames_of(self.windows, place) / np.float32(255)
            rows.append(np.concatenate([*seen, painted], axis=2))  # (3, 60, 750)
        return picture_of(np.concatenate(rows, axis=1))

    def csv(self) -> str:
        """What belongs to the rows of the sheet: window, loss, the five descriptions and the written one."""
        names = self.windows.names()
        table = [
            {"rank": rank, "window": names[place], "image_loss": loss}
            | {f"text{n}": text for n, text in enumerate(self.windows.window_texts(place), start=1)}
            | {"written": words}
            for rank, place, loss, (_, words) in zip(
                RANKS, self.places, self.losses, self.predicted, strict=True
            )
        ]
        return pd.DataFrame(table).to_csv(index=False, float_format="%.9g", lineterminator="\n")
