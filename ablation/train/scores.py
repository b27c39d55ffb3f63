"""What a model scored on each story: the cluster that windows of one story belong to."""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
import torch

from ablation.data.windows import StoryWindows


class WindowLosses:
    """The losses of single windows, gathered batch by batch. A GPU is not waited for until they are read."""

    def __init__(self):
        self.batches: list[dict[str, torch.Tensor]] = []

    def add(self, losses: dict[str, torch.Tensor]) -> None:
        """What `window_losses` says of a batch."""
        self.batches.append(losses)

    def all(self) -> dict[str, np.ndarray]:
        """(W,) each, in the order in which they came."""
        names = self.batches[0]
        return {name: torch.cat([batch[name] for batch in self.batches]).cpu().numpy() for name in names}


@dataclass(frozen=True)
class StoryScores:
    """Sums over the windows of each story, in the split's order of stories.

    Sums and not means, so that any set of stories adds up: `image_sum` over `windows` is its image loss,
    `text_nats` over `text_tokens` its nats per token. `context_sum` is None without a context head.
    """

    story_id: list[str]
    windows: np.ndarray  # (S,)
    image_sum: np.ndarray  # (S,) of L1
    context_sum: np.ndarray | None  # (S,) of squared error
    text_nats: np.ndarray  # (S,)
    text_tokens: np.ndarray  # (S,)

    @classmethod
    def of(cls, windows: StoryWindows, losses: dict[str, np.ndarray]) -> "StoryScores":
        """From the losses of the windows, in their order."""
        stories, place = np.unique(windows.stories, return_inverse=True)
        sums = {name: np.bincount(place, weights=values) for name, values in losses.items()}
        return cls(
            story_id=[windows.story_ids[story] for story in stories],
            windows=np.bincount(place),
            image_sum=sums["image"],
            context_sum=sums.get("context"),
            text_nats=sums["text_nats"],
            text_tokens=sums["text_tokens"].astype(int),
        )

    def csv(self) -> str:
        """One row per story, nine digits; what is not known is empty."""
        return pd.DataFrame(asdict(self)).to_csv(index=False, float_format="%.9g", lineterminator="\n")
