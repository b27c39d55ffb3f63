"""What a data set must hold, and the splits that one was found to have."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from ablation.errors import LONGEST_PATH, DataError, shown

COLUMNS = ("story_id", "images", "story")
WELCOME = ("chain_of_thought",)
"""Columns that tell more of a data set where it has them."""
SPLITS = ("train", "test")
SPLIT_WORDS = {"train": r"train\w*", "test": r"test\w*|eval(uation)?", "validation": r"valid\w*|val|dev"}
"""About the names of files and folders that the Hugging Face hub reads so."""
HELD_OUT_PERCENT = 15


@dataclass(frozen=True)
class Splits:
    """By split, what gives its rows anew, how many there are, and the files that they are in; the names of splits that are
    not used.
    """

    rows: dict[str, Callable[[], Iterator[dict]]]
    stories: dict[str, int]
    files: dict[str, list[Path]]
    left_out: Sequence[str] = ()

    def read(self, split: str) -> Iterator[dict]:
        """Of `train` or `test`. Without a test split, 15 % of the stories are held out, chosen by their id."""
        everything = self.rows.get(split, self.rows["train"])()
        if self.has_test:
            return everything
        return (row for row in everything if _held_out(row["story_id"]) == (split == "test"))

    @property
    def has_test(self) -> bool:
        """Whether a test split of its own is there."""
        return "test" in self.rows

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits of the bytes of the files, in the order of their names, and of their splits."""
        total = hashlib.blake2b(digest_size=8)
        for split, files in sorted(self.files.items()):
            total.update(split.encode())
            for file in files:
                with file.open("rb") as opened:
                    total.update(hashlib.file_digest(opened, "blake2b").digest())
        return total.hexdigest()

    @property
    def notes(self) -> list[str]:
        """What a reader should know of how they are used."""
        told = [
            f"its {split} split is not used: stories to validate are drawn from those to train on"
            for split in self.left_out
        ]
        if not self.has_test:
            told.append(
                f"it has no test split: {HELD_OUT_PERCENT} % of its stories, chosen by their ids, are held out to test"
            )
        return told


def split_of(place: PurePath) -> str:
    """The split of a file by its name, or by the nearest folder that names one; `place` begins at the data set's folder.
    Unnamed is train.
    """
    for part in reversed(place.parts):
        words = re.split(r"[^a-z]+", part.lower())
        for split, pattern in SPLIT_WORDS.items():
            if any(re.fullmatch(pattern, word) for word in words):
                return split
    return "train"


def check_columns(names: Sequence[str], place: str) -> None:
    """Raises DataError where one is missing."""
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        raise DataError(
            f"{place} lacks the column {', '.join(missing)}; it has {shown(', '.join(names), LONGEST_PATH)}. The "
            f"StoryReasoning schema needs {', '.join(COLUMNS)}"
        )


def _held_out(story_id: object) -> bool:
    digest = hashlib.blake2b(str(story_id).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % 100 < HELD_OUT_PERCENT
