"""The main task: four frames and their descriptions to the fifth frame and a description."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext

import numpy as np
import torch
from torch.nn import functional

from ablation.config.config import Config
from ablation.data.batches import Batch, SplitTensors, WindowBatches, pixels
from ablation.data.sentences import sentence_vectors
from ablation.data.tokens import Vocabulary
from ablation.data.windows import StoryWindows
from ablation.models.storyteller import Condition, Prediction, Storyteller
from ablation.randomness import generator
from ablation.train.floors import image_skill
from ablation.train.health import Spread, dead_units, of_another_story
from ablation.train.loop import Pace
from ablation.train.losses import story_losses, text_loss, window_losses
from ablation.train.scores import WindowOutputs, joined
from ablation.train.seen_losses import SeenLosses

ROWS_READ_AT_ONCE, ROWS_SEEN_AT_ONCE = 512, 128
Tick = Callable[[int], None]
"""Is told how many more passes of windows through the model are done."""
MOST_SWAPPED = 256
"""Validation windows that are given another story's condition, each epoch; of test windows, all are, once."""


class StoryTask:
    """Trains and scores a Storyteller. With the oracles in `floor`, by metric names, it reports skill."""

    def __init__(
        self,
        config: Config,
        module: Storyteller,
        train: StoryWindows,
        validation: StoryWindows,
        vocabulary: Vocabulary,
        device: torch.device,
        floor: dict[str, float] | None = None,
    ):
        self.floor = floor or {}
        self.config, self.module = config, module
        self.train, self.validation = train, validation
        self.vocabulary, self.device = vocabulary, device
        self.epochs, self.pace, self.stories = config.epochs, Pace.of(config), train.story_count
        self.word_dropout_draws = generator(config.seed, "word dropout", 0)
        self.fused_dropout_draws = generator(config.seed, "fused dropout", 0)
        self.splits: dict[int, tuple[SplitTensors, dict[str, torch.Tensor]]] = {}
        self.ready: dict[int, tuple[StoryWindows, WindowBatches]] = {}

    def steps_per_epoch(self) -> int:
        return -(-len(self.train) // self.config.batch_size)

    def draws(self) -> dict[str, torch.Generator]:
        """What is dropped of words and of z."""
        return {"words": self.word_dropout_draws, "fused": self.fused_dropout_draws}

    def training_batches(self, epoch: int) -> Iterator[tuple[Batch, int]]:
        """Every window once, in the order of the epoch's own generator."""
        self.word_dropout_draws = generator(self.config.seed, "word dropout", epoch)
        self.fused_dropout_draws = generator(self.config.seed, "fused dropout", epoch)
        draws = generator(self.config.seed, "order", epoch)
        return self.batches(self.train, torch.randperm(len(self.train), generator=draws))

    def batches(
        self, windows: StoryWindows, order: torch.Tensor | None = None, size: int | None = None
    ) -> Iterator[tuple[Batch, int]]:
        """Batches of windows, in their order when none is given, and the windows in each."""
        return self._ready(windows).in_batches(size or self.config.batch_size, order)

    def _ready(self, windows: StoryWindows) -> WindowBatches:
        """The windows on the device with their text latents, made once; a split's tensors are shared."""
        if id(windows) not in self.ready:
            tensors, latents = self.splits.get(id(windows.frames)) or self._split(windows)
            made = WindowBatches(windows, tensors, self.vocabulary.pad, **latents)
            self.ready[id(windows)] = (windows, made)
        return self.ready[id(windows)][1]

    def _split(self, windows: StoryWindows) -> tuple[SplitTensors, dict[str, torch.Tensor]]:
        """A split's frames and tokens, and the latents that frozen encoders give of them."""
        tensors, latents = SplitTensors.of(windows, self.device), {}
        if self.config.text_encoder == "lstm":
            rows = tensors.tokens.split(ROWS_READ_AT_ONCE)
            latents["text_latents"] = torch.cat([self.module.read(some.long()) for some in rows])
        if self.config.text_encoder == "minilm":
            vectors = sentence_vectors(windows.texts, self.config.sentence_model)
            latents["text_latents"] = torch.from_numpy(vectors).to(self.device)
        if self.config.visual_encoder == "frozen":
            rows = tensors.frames.split(ROWS_SEEN_AT_ONCE)
            latents["image_latents"] = torch.cat([self.module.look(pixels(some)) for some in rows])
        self.splits[id(windows.frames)] = (tensors, latents)
        return self.splits[id(windows.frames)]

    def forget_latents(self) -> None:
        """Has what frozen encoders gave made anew, by the weights that they have now."""
        self.splits.clear()
        self.ready.clear()

    def losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        return self._story_losses(self.predict(batch), batch)

    def _story_losses(self, prediction: Prediction, batch: Batch) -> dict[str, torch.Tensor]:
        return story_losses(prediction, self.module.output, batch, self.vocabulary.pad, self.config)

    def predict(self, batch: Batch) -> Prediction:
        """Teacher-forced; in training, words and units of z are dropped at the configured rates."""
        teacher, kept = batch.target_tokens[:, :-1], None
        if self.module.training and self.config.word_dropout:
            teacher = self._drop_words(teacher)
        if self.module.training and self.config.fused_dropout:
            kept = self._kept_units(len(batch))
        with self._precision():
            return self.module(batch, teacher, kept)

    def generate(self, batch: Batch) -> tuple[torch.Tensor, list[list[int]]]:
        """The frames (B, 3, 60, 125) and the descriptions, as token ids, that the model makes by itself."""
        return self.module.answer(batch, self.vocabulary)

    @torch.no_grad()
    def codes(self, windows: StoryWindows, at_once: int) -> np.ndarray:
        """z (N, F) of the windows in their order."""
        self.module.eval()
        with self._precision():
            return joined(
                [self.module.fuse(batch).z.float() for batch, _ in self.batches(windows, size=at_once)]
            )

    def validate(self) -> dict[str, float]:
        """Losses and signs of life on the validation windows."""
        losses, health = self.score(self.validation)
        return _named("val/", losses) | _named("health/", health | self._skill(losses, "floor/"))

    def test(
        self, windows: StoryWindows, tick: Tick = lambda count: None
    ) -> tuple[dict[str, float], WindowOutputs]:
        """The same on windows that no choice was made on, and what was made of each of them; goes through them twice."""
        each = WindowOutputs()
        losses, health = self.score(windows, each, tick)
        health |= self._skill(losses, "floor/test_")
        return _named("test/", losses) | _named("health/test_", health), each

    def _skill(self, losses: dict[str, float], prefix: str) -> dict[str, float]:
        """Nothing where no oracle is known, or where a handful of windows puts it at the constant image."""
        median, oracle = (self.floor.get(f"{prefix}image_{name}") for name in ("median", "oracle"))
        if oracle is None or oracle >= median:
            return {}
        return {"image_skill": image_skill(losses["image_loss"], median, oracle)}

    @torch.no_grad()
    def score(
        self, windows: StoryWindows, each: WindowOutputs | None = None, tick: Tick = lambda count: None
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Sample-weighted losses over the windows in their order, and the health metrics.

        What is made of single windows goes into `each`; their losses take the logits a second time.
        """
        self.module.eval()
        seen, own, gates = SeenLosses(), SeenLosses(), SeenLosses()
        predicted, target, codes = Spread(), Spread(), []
        most = MOST_SWAPPED if each is None else len(windows)
        for batch, count in self.batches(windows):
            prediction = self.predict(batch)
            losses = self._story_losses(prediction, batch)
            seen.add(losses, count)
            gates.add({"saturated_gates": prediction.saturation}, count)
            if own.samples < most:
                own.add(losses, count)
            if each is not None:
                of_each = window_losses(prediction, self.module.output, batch, self.vocabulary.pad)
                each.add(of_each, prediction, batch.target_frame)
            predicted.add(prediction.image)
            target.add(batch.target_frame)
            codes.append(prediction.z.float())
            tick(count)
        losses = seen.means()
        z = torch.cat(codes)  # (N, F)
        health = {
            "prediction_spread": predicted.value(),
            "target_spread": target.value(),
            "dead_units": dead_units(z),
            **gates.means(),
        }
        return losses, health | self._condition_gaps(windows, z[: own.samples], own.means(), tick)

    def _condition_gaps(
        self, windows: StoryWindows, z: torch.Tensor, own: dict[str, float], tick: Tick
    ) -> dict[str, float]:
        """What each loss costs when all that is known is another story's; near 0, the input is not used. On the first
        windows, those that `z` and the losses `own` are of; nothing where these are of one story.
        """
        partners = of_another_story(windows.stories[: len(z)])
        if partners is None:
            return {}
        seen, other_places = SeenLosses(), torch.from_numpy(partners)
        owns, others = self.batches(windows, torch.arange(len(z))), self.batches(windows, other_places)
        codes = z[other_places.to(z.device)].split(self.config.batch_size)
        for (batch, count), (other, _), code in zip(owns, others, codes, strict=True):
            condition = Condition(code, other.frames, other.tokens)
            with self._precision():
                image, _ = self.module.paint(condition)
                states, copying = self.module.tell(condition, batch.target_tokens[:, :-1])
            image_loss = functional.l1_loss(image.float(), batch.target_frame)
            words = (batch.target_tokens, self.vocabulary.pad, batch.target_count, copying)
            seen.add({"image": image_loss, "text": text_loss(states, self.module.output, *words)}, count)
            tick(count)
        shuffled = seen.means()
        return {
            "image_condition_gap": shuffled["image"] - own["image_loss"],
            "text_condition_gap": shuffled["text"] - own["text_loss"],
        }

    def _drop_words(self, tokens: torch.Tensor) -> torch.Tensor:
        """Replaces real words by the unknown token; start and padding stay."""
        draws = torch.rand(tokens.shape, generator=self.word_dropout_draws).to(tokens.device)
        words = (tokens != self.vocabulary.pad) & (tokens != self.vocabulary.start)
        return tokens.masked_fill(words & (draws < self.config.word_dropout), self.vocabulary.unknown)

    def _kept_units(self, windows: int) -> torch.Tensor:
        """(B, F): 0 for units that are dropped, the others scaled up to make good for them."""
        share = self.config.fused_dropout
        draws = torch.rand(windows, self.config.fused_dim, generator=self.fused_dropout_draws)
        return ((draws >= share) / (1 - share)).to(self.device)

    def _precision(self):
        if self.config.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)


def _named(prefix: str, values: dict[str, float]) -> dict[str, float]:
    return {prefix + name: value for name, value in values.items()}
