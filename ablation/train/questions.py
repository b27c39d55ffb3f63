"""Puts the questions of understanding.py to a trained model, on the test windows."""

import numpy as np
import pandas as pd

from ablation.data.tokens import decode
from ablation.data.windows import WINDOW, StoryWindows
from ablation.train.scores import WindowOutputs, joined
from ablation.train.story_task import StoryTask, Tick
from ablation.train.understanding import Told, image_retrieval, naming, probes, text_retrieval

MOST_WRITTEN, MOST_READ, MOST_SOUGHT, AT_ONCE = 240, 1000, 1000, 48
WRITING = 3
"""Passes through the model that writing a description takes as long as, roughly."""
LAST = WINDOW - 2
"""Frame 4's place in a window."""


def ask(
    task: StoryTask, windows: StoryWindows, outputs: WindowOutputs, tokenizer, tick: Tick = lambda count: None
) -> tuple[dict[str, float], str]:
    """Metrics by their names, and as CSV the descriptions that the model wrote of at most `MOST_WRITTEN` windows,
    evenly chosen, beside the true ones.
    """
    places, sought = evenly(len(windows), MOST_WRITTEN), evenly(len(windows), MOST_SOUGHT)
    told = _told(task, windows, places, tokenizer, tick)
    read = task.train.at(evenly(len(task.train), MOST_READ))
    found = probes(
        task.codes(read, AT_ONCE), _marks(read, LAST), joined(outputs.codes), _marks(windows, LAST)
    )
    found |= naming(told, [mark for mark in windows.marks if mark])
    found |= image_retrieval(joined(outputs.pictures)[sought], sought, joined(outputs.targets))
    found |= text_retrieval(told.written, places, _texts(windows, windows.target_position))
    names = np.array(windows.names())[places]
    table = pd.DataFrame(
        {"window": names, "written": told.written, "target": told.target, "frame4": told.last}
    )
    return found, table.to_csv(index=False, lineterminator="\n")


def passes(windows: StoryWindows) -> int:
    """What `StoryTask.test` and `ask` tick together on these windows: two a window, `WRITING` a description."""
    return 2 * len(windows) + WRITING * min(len(windows), MOST_WRITTEN)


def evenly(count: int, most: int) -> np.ndarray:
    """At most so many of `count` places, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))


def _told(task: StoryTask, windows: StoryWindows, places: np.ndarray, tokenizer, tick: Tick) -> Told:
    chosen, written = windows.at(places), []
    for batch, count in task.batches(chosen, size=AT_ONCE):
        written += task.generate(batch)[1]
        tick(WRITING * count)
    return Told(
        written=[decode(tokenizer, words) for words in written],
        target=_texts(chosen, chosen.target_position),
        last=_texts(chosen, LAST),
    )


def _texts(windows: StoryWindows, position: int) -> list[str]:
    """The data's own: whole, where a model reads and writes 120 word pieces in lower case."""
    return [windows.texts[start + position] for start in windows.starts]


def _marks(windows: StoryWindows, position: int) -> list[dict]:
    return [windows.marks[start + position] for start in windows.starts]
