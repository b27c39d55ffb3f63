"""A configuration's stories: found or made, prepared, split, and what was left out told."""

from dataclasses import dataclass
from typing import Any

from ablation.config.config import Config
from ablation.console import Console
from ablation.data.sources import SPLITS, StorySource, open_source
from ablation.data.store import Store, prepare
from ablation.data.tokens import Vocabulary
from ablation.data.windows import StoryWindows, all_windows, split_train_validation

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

    @property
    def profile(self) -> dict[str, int]:
        """Stories and windows per part, and the vocabulary, for the tracker."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        stories = {f"{name}_stories": part.story_count for name, part in parts.items()}
        windows = {f"{name}_windows": len(part) for name, part in parts.items()}
        return stories | windows | {"vocabulary": self.vocabulary.size}


def load_stories(config: Config, console: Console) -> Stories:
    """Raises DataError when the data set cannot be used."""
    source = open_source(config.dataset, config.world_stories, console.progress)
    store = prepare(config, source, console.progress)
    console.close()
    console.say(f"prepared data: {store.note}, {store.megabytes:.0f} MB in {store.folder}")
    tell_skipped(store, console)
    tokenizer = store.tokenizer()
    train, validation = split_train_validation(all_windows(store, "train", config.text_target), config.seed)
    test = all_windows(store, "test", config.text_target)
    stories = Stories(source, store, tokenizer, Vocabulary.of(tokenizer), train, validation, test)
    console.say(
        f"data: {source.name}, {train.story_count} stories to train on, {validation.story_count} to "
        f"validate, {test.story_count} to test; vocabulary {stories.vocabulary.size}"
    )
    return stories


def tell_skipped(store: Store, console: Console) -> None:
    """One line for each reason why stories of a split have no window."""
    for split in SPLITS:
        index = store.index(split)
        for reason, ids in index.skipped.items():
            shown = ", ".join(ids[:MOST_IDS_SHOWN]) + (" …" if len(ids) > MOST_IDS_SHOWN else "")
            console.say(f"data: {len(ids)} of {index.read} {split} stories left out, {reason}: {shown}")
