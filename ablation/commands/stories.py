"""A configuration's stories: found or made, prepared, split, and what was left out told."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ablation.config.config import Config, short_hash
from ablation.console import Console, Silent
from ablation.data.copies import copied_stories
from ablation.data.schema import SPLITS
from ablation.data.sentences import load_encoder
from ablation.data.sources import StorySource, open_source
from ablation.data.store import Store, prepare
from ablation.data.tokens import Vocabulary
from ablation.data.windows import StoryWindows, all_windows, split_hash, split_train_validation
from ablation.errors import DataError, shown

MOST_IDS_SHOWN = 5


@dataclass(frozen=True)
class Stories:
    """Everything that a run reads."""

    source: StorySource
    store: Store
    tokenizer: Any
    vocabulary: Vocabulary
    train: StoryWindows
    validation: StoryWindows
    test: StoryWindows
    fitted: StoryWindows
    """Of the training stories, the windows of the kind that is scored: floors are fitted on them, whatever windows an arm
    trains on, so that losses over floors compare.
    """
    split_hash: str
    """Tells which stories are trained on and which windows are scored."""

    @property
    def profile(self) -> dict[str, int]:
        """Stories and windows per part, and the vocabulary, for the tracker."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        stories = {f"{name}_stories": part.story_count for name, part in parts.items()}
        windows = {f"{name}_windows": len(part) for name, part in parts.items()}
        return stories | windows | {"vocabulary": self.vocabulary.size}

    @property
    def digest(self) -> str:
        """Of the data and of how much of them is taken: MLflow keeps one profile for each digest."""
        taken = {name: str(count) for name, count in self.profile.items()}
        return f"{self.source.digest}-{short_hash(taken)}"


def load_stories(config: Config, console: Console) -> Stories:
    """Raises DataError when the data set cannot be used."""
    source = open_source(config.dataset, config.world_stories, console.progress)
    store = prepare(config, source, console.progress)
    console.close()
    console.say(f"prepared data: {store.note}, {store.megabytes:.0f} MB in {store.folder}")
    for note in source.notes:
        console.say(f"data: {note}")
    tell_skipped(store, console)
    tokenizer, held = store.tokenizer(), _held(store, config)
    tell_copied(held, console)
    parts = _parts(held, config, console)
    digest = split_hash(held["train"], parts["validation"], parts["test"])
    fitted = held["train"].of_kind(config.scored)
    parts["fitted"] = fitted if len(fitted) else parts["train"]
    stories = Stories(source, store, tokenizer, Vocabulary.of(tokenizer), **parts, split_hash=digest)
    console.say(
        f"data: {source.name}, {stories.train.story_count} stories to train on, "
        f"{stories.validation.story_count} to validate, {stories.test.story_count} to test; "
        f"vocabulary {stories.vocabulary.size}"
    )
    return stories


def require_windows(store: Store, configs: Sequence[Config]) -> None:
    """Raises DataError where a part of the stories has no window under the seed of one of the configurations, which read
    the same store.
    """
    everything = {split: all_windows(store, split, configs[0].text_target) for split in SPLITS}
    for config in configs:
        _parts(_shared_out(everything, config.seed), config, Silent())


def require_sentences(config: Config) -> None:
    """Raises DataError where the sentence encoder that is asked for is not there, or cannot read."""
    if config.text_encoder == "minilm":
        load_encoder(config.sentence_model)


def _parts(held: dict[str, StoryWindows], config: Config, console: Console) -> dict[str, StoryWindows]:
    """Of each part the windows that are trained on, or scored."""
    kinds = {"train": config.windows, "validation": config.scored, "test": config.scored}
    return {
        part: _of_kind(windows, kinds[part], part, config.seed, console) for part, windows in held.items()
    }


def _held(store: Store, config: Config) -> dict[str, StoryWindows]:
    """By part, all windows of its stories that the store holds."""
    everything = {split: all_windows(store, split, config.text_target) for split in SPLITS}
    return _shared_out(everything, config.seed)


def _shared_out(everything: dict[str, StoryWindows], seed: int) -> dict[str, StoryWindows]:
    train, validation = split_train_validation(everything["train"], seed)
    return {"train": train, "validation": validation, "test": everything["test"]}


def _of_kind(windows: StoryWindows, kind: str, part: str, seed: int, console: Console) -> StoryWindows:
    """Says how many stories have no such window. Raises DataError when none has one."""
    kept, stories = windows.of_kind(kind), windows.story_count
    if not len(kept):
        drawn = "" if part == "test" else f" that seed {seed} draws"
        raise DataError(
            f"none of the {part} stories{drawn} has a window that is {kind}; {len(windows.story_ids)} of the {windows.read} "
            "stories of its split can be used at all: give more stories"
        )
    if kept.story_count < stories:
        lost = stories - kept.story_count
        console.say(f"data: {lost} of {stories} {part} stories left out, no description for frames 1 to 5")
    return kept


def tell_skipped(store: Store, console: Console) -> None:
    """One line for each reason why stories of a split have no window, and one for ids of several stories."""
    for split in SPLITS:
        index = store.index(split)
        for reason, ids in index.skipped.items():
            console.say(
                f"data: {len(ids)} of {index.read} {split} stories left out, {reason}: {_listed(ids)}"
            )
        shared = [story for story, count in Counter(index.story_ids).items() if count > 1]
        if shared:
            console.say(
                f"data: {len(shared)} {split} ids are each of several stories, all taken: {_listed(shared)}"
            )


def tell_copied(held: dict[str, StoryWindows], console: Console) -> None:
    """One line for each part that is scored on windows whose like is trained on."""
    for part in ("validation", "test"):
        copied = copied_stories(held[part], held["train"])
        if copied:
            console.say(
                f"data: {len(copied)} of {held[part].story_count} {part} stories have windows that are trained on as well, with the same "
                f"words and pictures, so that their losses say nothing of new stories: {_listed(copied)}"
            )


def _listed(ids: list[str]) -> str:
    return ", ".join(map(shown, ids[:MOST_IDS_SHOWN])) + (" …" if len(ids) > MOST_IDS_SHOWN else "")
