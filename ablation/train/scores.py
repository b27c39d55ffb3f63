"""What a model scored on each story: the cluster that windows of one story belong to."""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from ablation.data.windows import StoryWindows
from ablation.models.storyteller import Prediction


class WindowOutputs:
    """What was made of single windows, gathered batch by batch. A GPU is not waited for until it is read."""

    def __init__(self):
        self.batches: list[dict[str, torch.Tensor]] = []
        self.codes: list[torch.Tensor] = []
        self.pictures: list[torch.Tensor] = []
        self.targets: list[torch.Tensor] = []

    def add(self, losses: dict[str, torch.Tensor], prediction: Prediction, target: torch.Tensor) -> None:
        """What `window_losses` says of a batch, its vectors, its pictures beside the true ones (small copies)."""
        self.batches.append(losses)
        self.codes.append(prediction.z.float())
        self.pictures.append(small(prediction.image.float()))
        self.targets.append(small(target))

    def losses(self) -> dict[str, np.ndarray]:
        """(W,) each, in the order in which they came."""
        names = self.batches[0]
        return {name: joined([batch[name] for batch in self.batches]) for name in names}


def small(pictures: torch.Tensor) -> torch.Tensor:
    """(B, 3, 60, 125) -> (B, 3 · 15 · 31)."""
    return functional.avg_pool2d(pictures, 4).flatten(1)


def joined(parts: list[torch.Tensor]) -> np.ndarray:
    """Batches as one array."""
    return torch.cat(parts).cpu().numpy()


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
