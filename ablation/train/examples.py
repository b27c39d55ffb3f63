"""Some windows' predictions, made ready to be looked at."""

from collections.abc import Sequence

import numpy as np
import torch

from ablation.data.windows import WINDOW, StoryWindows
from ablation.train.pictures import PredictionPage
from ablation.train.story_task import StoryTask


def first_page(windows: StoryWindows) -> PredictionPage:
    """A page for the predictions of the first window."""
    start = windows.starts[0]
    return PredictionPage(
        windows.story_ids[windows.stories[0]],
        windows.frames[start : start + WINDOW] / np.float32(255),
        windows.window_texts(0),
        windows.text_target,
    )


@torch.no_grad()
def first_predictions(
    task: StoryTask, parts: Sequence[StoryWindows], tokenizer
) -> list[tuple[np.ndarray, str]]:
    """Of the first window of each part: the frame (3, 60, 125) in [0, 1], and the text that the model
    writes by itself, without teacher forcing.
    """
    first = torch.zeros(1, dtype=torch.int64)
    batches = [next(task.batches(windows, first))[0] for windows in parts]
    shown = []
    for batch in batches:
        frames, (words,) = task.generate(batch)
        shown.append((frames[0].float().cpu().numpy(), tokenizer.decode(words, skip_special_tokens=True)))
    return shown
