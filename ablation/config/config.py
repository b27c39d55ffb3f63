"""The configuration of one run: every key, its default, its limits and what it is for.

The defaults are the recipe `notebook`, the original study with its defects (each behind its key); what other
recipes set stands in recipes.py.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from ablation.config.declare import Conflict, Settings, key, keys_of, to_text
from ablation.config.recipes import RECIPES
from ablation.errors import shown

DEFAULT_EXPERIMENT = "visual-storytelling"
SENTENCE_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
WORLD, WORLD_STORIES, CONTEXT_WEIGHT = "storyworld", 400, 0.2
IN_NAME = ("visual", "latent_dim", "epochs", "seed")


@dataclass(frozen=True)
class Config(Settings):
    """One configuration. `identity` keys change the numbers of a run and make up its hash."""

    visual: str = key("resnet", "visual autoencoder", choices=("basecase", "resnet"))
    latent_dim: int = key(16, "width of the image latent; 16 in the basecase", low=1, high=4096)
    epochs: int = key(5, "passes over the training windows", low=1, high=10_000)
    batch_size: int = key(8, "windows per step", low=1, high=4096)
    learning_rate: float = key(0.001, "step size of Adam", above=0, high=1)
    seed: int = key(0, "start of every named random generator", low=0, high=2**31 - 1)
    dataset: str = key(
        WORLD,
        "storyworld (embedded, generated), a Hugging Face name such as daniel3303/StoryReasoning, "
        "or a local folder (parquet files, or a data set saved by `datasets`)",
    )
    recipe: str = key(
        "notebook",
        "which recipe the defaults come from: the original study's, or the one that learns",
        choices=("notebook", "cured"),
        identity=False,
    )
    text_target: str = key(
        "frame4",
        "whose description is predicted; frame4 is the original's left-over loop variable",
        choices=("frame4", "frame5"),
    )
    image_heads: str = key(
        "shared",
        "shared: one decoder output serves as both the image and the context image (the original); "
        "separate: a decoder each; single: no context image",
        choices=("shared", "separate", "single"),
    )
    input_norm: str = key(
        "none",
        "what the GRU's inputs, image and text latents, go through first; without it they grow until the GRU saturates",
        choices=("none", "layernorm", "batchnorm"),
    )
    latent_norm: str = key("relu", "what ends the fused vector z", choices=("relu", "layernorm"))
    equalize: bool = key(True, "equalise the histogram of the full-size frame first")
    windows: str = key(
        "first",
        "first: the first five frames of each story; sliding: every five in a row",
        choices=("first", "sliding"),
    )
    scored_windows: str = key(
        "same",
        "which windows are validated and tested; same: those of `windows`",
        choices=("same", "first", "sliding"),
    )
    text_dim: int = key(16, "width of the text embedding and LSTMs", low=1, high=4096)
    fused_dim: int = key(16, "width of the GRU and of z", low=1, high=4096)
    fused_dropout: float = key(0.0, "share of z's units that a training window goes without", low=0, below=1)
    text_decoder: str = key(
        "frozen", "whether the pretrained text decoder is trained on", choices=("frozen", "trained")
    )
    text_conditioning: str = key(
        "initial",
        "initial: z sets the first state of the text decoder; every_step: it enters each step too",
        choices=("initial", "every_step"),
    )
    word_dropout: float = key(
        0.0, "share of decoder input tokens replaced by the unknown token", low=0, below=1
    )
    text_encoder: str = key(
        "lstm",
        "what reads the descriptions of frames 1 to 4; lstm: the pretrained, frozen encoder (a random "
        "one under text_task=language, which trains the decoder alone); words: the mean of the text decoder's word embeddings; minilm: a frozen sentence encoder, `sentence_model`",
        choices=("lstm", "words", "minilm"),
    )
    sentence_model: str = key(
        SENTENCE_MODEL,
        "the encoder behind text_encoder=minilm: a Hugging Face name or a local folder, with its tokenizer",
    )
    word_weights: str = key(
        "separate",
        "whether the text decoder's word embeddings and its output layer share one matrix",
        choices=("separate", "tied"),
    )
    text_attention: str = key(
        "none",
        "words: the text decoder attends to the words of the four descriptions and to its own",
        choices=("none", "words"),
    )
    text_copy: str = key(
        "none",
        "words: it may copy these words, by a pointer of its own, instead of saying one by heart",
        choices=("none", "words"),
    )
    visual_encoder: str = key(
        "trained",
        "whether the visual encoder is trained on, or frozen as pretraining left it",
        choices=("trained", "frozen"),
    )
    image_copy: str = key(
        "none",
        "pixels: each pixel is a mixture of the four frames, sharp and blurred, and of what is painted from z",
        choices=("none", "pixels"),
    )
    schedule: str = key(
        "constant",
        "of the step size; cosine: it falls to 0 from the first step on, warming up over 5 % of the steps",
        choices=("constant", "cosine"),
    )
    gradient_clip: float = key(
        0.0, "largest norm of the gradient of all parameters; 0 leaves it as it is", low=0
    )
    visual_pretraining: int = key(
        0,
        "epochs of frame reconstruction before the visual autoencoder is used",
        low=0,
        high=10_000,
    )
    text_pretraining: int = key(
        15, "epochs of `text_task` before the text autoencoder is used", low=0, high=10_000
    )
    text_task: str = key(
        "copy",
        "what the text autoencoder is pretrained to do; copy: say a description again from its code (one of each "
        "story an epoch); language: say each next word of every description",
        choices=("copy", "language"),
    )
    image_weight: float = key(1.0, "weight of the image loss in the total", low=0)
    text_weight: float = key(1.0, "weight of the text loss in the total", low=0)
    context_weight: float = key(CONTEXT_WEIGHT, "weight of the context loss in the total", low=0)
    tokenizer: str = key(
        "auto",
        "auto (bert-base-uncased for StoryReasoning, else a WordPiece trained on the train split), "
        "a local folder or a Hugging Face name",
    )
    world_stories: int = key(
        WORLD_STORIES,
        "training stories of the embedded world; it has a quarter as many test stories",
        low=20,
        high=1_000_000,
    )
    max_stories: int | None = key(
        None, "read at most this many stories of each split", low=5, high=1_000_000_000
    )
    precision: str = key("fp32", "number format of the forward pass", choices=("fp32", "bf16"))
    compile: bool = key(
        False, "compile the visual networks (CUDA graphs on a GPU; on most CPUs it only costs time)"
    )
    device: str = key(
        "auto",
        "auto takes a GPU where there is one",
        choices=("auto", "cpu", "cuda"),
        identity=False,
    )
    resume: str | None = key(
        None, "id of an unfinished run of the same configuration to continue", identity=False
    )

    def conflicts(self) -> list[Conflict]:
        """What no model can be built or trained from. What is not given comes from the recipe."""
        return [(("recipe", *keys), told) for keys, told in self._conflicts()]

    def _conflicts(self) -> Iterator[Conflict]:
        weights = ("image_weight", "text_weight", "context_weight")
        if not any(getattr(self, weight) for weight in weights):
            yield weights, "image_weight, text_weight and context_weight are all 0: raise one"
        elif self.image_heads == "single" and not (self.image_weight or self.text_weight):
            yield (
                (*weights, "image_heads"),
                "image_weight and text_weight are 0, and image_heads=single has no context loss: raise one",
            )
        if self.word_dropout and self.text_decoder == "frozen":
            yield (
                ("word_dropout", "text_decoder"),
                f"word_dropout={self.word_dropout:g} needs text_decoder=trained: a frozen decoder "
                "learns nothing from dropped words",
            )
        for name in ("text_attention", "text_copy"):
            if getattr(self, name) == "words" and self.text_dim == 1:
                yield (name, "text_dim"), f"text_dim=1 is too narrow for {name}=words: give at least 2"
        if self.fused_dim == 1 and self.latent_norm == "layernorm":
            yield (
                ("fused_dim", "latent_norm"),
                "fused_dim=1 leaves latent_norm=layernorm one number, which it makes the same for every story: give at least 2",
            )
        if self.sentence_model != SENTENCE_MODEL and self.text_encoder != "minilm":
            yield (
                ("sentence_model", "text_encoder"),
                f"sentence_model={shown(self.sentence_model)} is read by text_encoder=minilm only, and text_encoder is "
                f"{self.text_encoder}: give both or neither",
            )

        if self.context_weight not in (0, CONTEXT_WEIGHT) and self.image_heads == "single":
            yield (
                ("context_weight", "image_heads"),
                f"context_weight={self.context_weight:g} does nothing: image_heads=single has no context loss",
            )
        if self.world_stories != WORLD_STORIES and self.dataset != WORLD:
            yield (
                ("world_stories", "dataset"),
                f"world_stories={self.world_stories} is of dataset={WORLD} only, and dataset is {shown(self.dataset)}: give "
                "max_stories to take fewer",
            )

    @property
    def scored(self) -> str:
        """The windows that are validated and tested: `first` or `sliding`."""
        return self.windows if self.scored_windows == "same" else self.scored_windows

    def identity(self) -> dict[str, str]:
        """The keys that change the numbers of a run, as canonical text; what is `same` is resolved."""
        declared, texts = keys_of(type(self)), self.texts() | {"scored_windows": self.scored}
        return {name: text for name, text in texts.items() if declared[name].identity}

    def hash(self) -> str:
        """Twelve hexadecimal digits of the identity, the seed included."""
        return short_hash(self.identity())

    @property
    def model_name(self) -> str:
        """The published name of the model: `Basecase` or `ResNet<latent_dim>`."""
        return "Basecase" if self.visual == "basecase" else f"ResNet{self.latent_dim}"

    @property
    def nearest_recipe(self) -> str:
        """The recipe that it takes the fewest changes from; it names the run, whatever `recipe` says."""
        return min(RECIPES, key=lambda recipe: len(self.changes_from(recipe)))

    @property
    def changes(self) -> dict[str, str]:
        """Identity keys off the nearest recipe that the model name, epochs and seed do not tell."""
        return self.changes_from(self.nearest_recipe)

    def changes_from(self, recipe: str) -> dict[str, str]:
        """The same, counted from a given recipe."""
        defaults = recipe_texts(recipe) | {"scored_windows": self.windows}
        changed = {n: t for n, t in self.identity().items() if t != defaults[n] and n not in IN_NAME}
        if self.visual == "basecase" and to_text(self.latent_dim) != defaults["latent_dim"]:
            changed["latent_dim"] = to_text(self.latent_dim)
        return changed

    @property
    def arm(self) -> str:
        """The run's name without its seed: the model, `-cured` for that recipe, `-e10` for other epochs than
        the recipe's, the changed keys.
        """
        return "-".join([self._head, *self._changed_parts])

    @property
    def run_name(self) -> str:
        """The name in the tracker: that of the arm, with `-s3` for seed 3 before the changed keys."""
        seed = [f"s{self.seed}"] if self.seed else []
        return "-".join([self._head, *seed, *self._changed_parts])

    @property
    def _head(self) -> str:
        recipe = self.nearest_recipe
        parts = [self.model_name] + [recipe] * (recipe != "notebook")
        if to_text(self.epochs) != recipe_texts(recipe)["epochs"]:
            parts.append(f"e{self.epochs}")
        return "-".join(parts)

    @property
    def _changed_parts(self) -> list[str]:
        return [f"{name}={_file_safe(text)}" for name, text in self.changes.items()]


def recipe_texts(recipe: str) -> dict[str, str]:
    """Every key's value under a recipe, as canonical text."""
    defaults = {name: declared.default for name, declared in keys_of(Config).items()}
    return {name: to_text(value) for name, value in (defaults | RECIPES[recipe]).items()}


def _file_safe(text: str) -> str:
    """The last part of a path or hub name, in characters that every file system takes."""
    last = text.rstrip("/").rsplit("/", 1)[-1]
    return "".join(c if c.isalnum() or c in "._" else "_" for c in last) or "_"


def short_hash(values: dict[str, str]) -> str:
    """Twelve hexadecimal digits of a mapping of texts, whatever its order."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]
