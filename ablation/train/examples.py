"""One window's prediction, made ready to be looked at."""

import numpy as np
import torch

from ablation.data.tokens import MAX_TOKENS
from ablation.data.windows import WINDOW, StoryWindows
from ablation.train.pictures import PredictionPicture
from ablation.train.story_task import StoryTask


@torch.no_grad()
def example(task: StoryTask, windows: StoryWindows, window: int, tokenizer) -> PredictionPicture:
    """The predicted frame, and the text the model writes by itself, without teacher forcing."""
    task.module.eval()
    vocabulary = task.vocabulary
    batch, _ = next(task.batches(windows, torch.tensor([window])))
    z = task.module.fuse(batch.frames, batch.text_latents)
    image, _ = task.module.paint(z)
    (tokens,) = task.module.generate(z, vocabulary.start, vocabulary.end, MAX_TOKENS)
    start = windows.starts[window]
    return PredictionPicture(
        story_id=windows.story_ids[windows.stories[window]],
        frames=windows.frames[start : start + WINDOW] / np.float32(255),
        texts=windows.window_texts(window),
        predicted_frame=image[0].float().cpu().numpy(),
        predicted_text=tokenizer.decode(tokens, skip_special_tokens=True),
        text_target=windows.text_target,
    )
