"""Pretraining tasks: copy a description, reconstruct a frame. The loop is the one of loop.py."""

from collections.abc import Iterator

import numpy as np
import torch
from torch.nn import functional

from ablation.config.config import Config, short_hash
from ablation.data.batches import SplitTensors, pixels
from ablation.data.tokens import Vocabulary
from ablation.data.windows import WINDOW, StoryWindows
from ablation.models.text import TextAutoencoder
from ablation.models.visual import VisualAutoencoder
from ablation.randomness import generator
from ablation.train.loop import Pace
from ablation.train.losses import text_loss
from ablation.train.seen_losses import SeenLosses

TEXT_BATCH, LANGUAGE_BATCH, VISUAL_BATCH = 4, 16, 32
LEARNING_RATE = 0.001
LANGUAGE_PACE = Pace(0.003, "cosine", clip=1.0)
TEXT_KEYS = ("seed", "text_dim", "text_pretraining", "text_task", "text_conditioning", "word_weights")
VISUAL_KEYS = ("seed", "visual", "latent_dim", "visual_pretraining")
DATA_KEYS = ("equalize", "windows", "max_stories")


def pretraining_identity(part: str, config: Config, data_hash: str, tokenizer_hash: str) -> dict[str, str]:
    """What a pretrained autoencoder depends on: two runs that agree here share one."""
    texts = config.texts()
    keys = (TEXT_KEYS if part == "text" else VISUAL_KEYS) + DATA_KEYS
    identity = {name: texts[name] for name in keys}
    identity |= {"scored": config.scored, "part": part, "data_hash": data_hash}
    if part == "text":
        del identity["equalize"]
        identity["tokenizer_hash"] = tokenizer_hash
    return identity | {"hash": short_hash(identity)}


class _Pretraining:
    """What both tasks share: rows of frames, drawn anew each epoch, in batches."""

    batch_size: int
    name: str
    pace = Pace(LEARNING_RATE)

    def __init__(self, config: Config, train: StoryWindows, validation: StoryWindows, device):
        self.config, self.train, self.validation = config, train, validation
        self.tensors = SplitTensors.of(train, device)  # of the train split, so of both
        self.stories, self.steps = train.story_count, -(-len(self.rows(train, 0)) // self.batch_size)

    def steps_per_epoch(self) -> int:
        return self.steps

    def draws(self) -> dict[str, torch.Generator]:
        """None: an epoch's rows are drawn before its first step."""
        return {}

    def training_batches(self, epoch: int) -> Iterator[tuple[torch.Tensor, int]]:
        """The epoch's rows in an order of their own."""
        rows = self.rows(self.train, epoch)
        draws = generator(self.config.seed, self.name, "order", epoch)
        order = torch.randperm(len(rows), generator=draws)
        return self._batches(torch.from_numpy(rows)[order])

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Sample-weighted losses on the same validation rows every time."""
        self.module.eval()
        seen = SeenLosses()
        for batch, count in self._batches(torch.from_numpy(self.rows(self.validation, 0))):
            seen.add(self.losses(batch), count)
        return {f"val/{name}": value for name, value in seen.means().items()}

    def _batches(self, rows: torch.Tensor) -> Iterator[tuple[torch.Tensor, int]]:
        for chosen in rows.to(self.tensors.frames.device).split(self.batch_size):
            yield self.batch(chosen), len(chosen)


class TextCopyTask(_Pretraining):
    """Copies one random description of each story's first five, as the original pretrained."""

    batch_size, name = TEXT_BATCH, "text pretraining"

    def __init__(
        self,
        config: Config,
        module: TextAutoencoder,
        train,
        validation,
        vocabulary: Vocabulary,
        device: torch.device,
    ):
        super().__init__(config, train, validation, device)
        self.module, self.vocabulary, self.epochs = module, vocabulary, config.text_pretraining

    def rows(self, windows: StoryWindows, epoch: int) -> np.ndarray:
        """One row per story, among its first window's five."""
        _, first = np.unique(windows.stories, return_index=True)
        draws = generator(self.config.seed, self.name, "frame", epoch)
        offsets = torch.randint(WINDOW, (len(first),), generator=draws).numpy()
        return windows.starts[first] + offsets

    def batch(self, rows: torch.Tensor) -> torch.Tensor:
        """Tokens (B, T)."""
        return self.tensors.tokens[rows].long()

    def losses(self, tokens: torch.Tensor) -> dict[str, torch.Tensor]:
        loss = text_loss(self.said(tokens), self.module.decoder.output, tokens, self.vocabulary.pad)
        return {"total_loss": loss, "text_loss": loss}

    def said(self, tokens: torch.Tensor) -> torch.Tensor:
        """Word states (B, T - 1, D)."""
        return self.module(tokens)


class LanguageTask(TextCopyTask):
    """Says each next word of every description of the windows, knowing nothing but the words before."""

    batch_size, pace = LANGUAGE_BATCH, LANGUAGE_PACE

    def rows(self, windows: StoryWindows, epoch: int) -> np.ndarray:
        """Every row that some window holds, once."""
        return every_row(windows)

    def said(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.module.speak(tokens)


class ReconstructionTask(_Pretraining):
    """Reconstructs every frame of the windows under L1."""

    batch_size, name = VISUAL_BATCH, "visual pretraining"

    def __init__(self, config: Config, module: VisualAutoencoder, train, validation, device):
        super().__init__(config, train, validation, device)
        self.module, self.epochs = module, config.visual_pretraining

    def rows(self, windows: StoryWindows, epoch: int) -> np.ndarray:
        """Every row that some window holds, once."""
        return every_row(windows)

    def batch(self, rows: torch.Tensor) -> torch.Tensor:
        """Frames (B, 3, 60, 125) in [0, 1]."""
        return pixels(self.tensors.frames[rows])

    def losses(self, frames: torch.Tensor) -> dict[str, torch.Tensor]:
        loss = functional.l1_loss(self.module(frames), frames)
        return {"total_loss": loss, "image_loss": loss}


def every_row(windows: StoryWindows) -> np.ndarray:
    """The rows that some window holds, each once."""
    return np.unique(windows.starts[:, None] + np.arange(WINDOW))
