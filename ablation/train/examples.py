"""Some windows' predictions, made ready to be looked at."""

from collections.abc import Sequence

import numpy as np
import torch

from ablation.data.tokens import MAX_TOKENS
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
    task.module.eval()
    first = torch.zeros(1, dtype=torch.int64)
    batches = [next(task.batches(windows, first))[0] for windows in parts]
    z = torch.cat([task.module.fuse(batch.frames, batch.text_latents) for batch in batches])
    frames, _ = task.module.paint(z)
    written = task.module.generate(z, task.vocabulary.start, task.vocabulary.end, MAX_TOKENS)
    texts = [tokenizer.decode(tokens, skip_special_tokens=True) for tokens in written]
    return list(zip(frames.float().cpu().numpy(), texts, strict=True))
