"""One reader for the StoryReasoning schema: the embedded world, a Hugging Face name, a folder."""

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from os.path import expanduser, isdir
from pathlib import Path

from ablation.data.files import files_under
from ablation.data.folders import code_digest
from ablation.data.hub import asking_the_caches, hub_refusal
from ablation.data.parquet import parquet_splits
from ablation.data.schema import COLUMNS, SPLITS, WELCOME, Splits, check_columns
from ablation.errors import LONGEST_PATH, DataError, reason, shown
from ablation.ownership import held
from ablation.places import cache_folder, clear_unfinished, write_whole

STORYWORLD = "storyworld"
STORY_REASONING = "daniel3303/StoryReasoning"
TRAIN_TO_TEST = 4
OFFLINE_CHOICES = (
    f"offline, use dataset={STORYWORLD} (embedded, needs no network), or a local folder: parquet "
    "files in the StoryReasoning schema, or a data set saved with `datasets` `save_to_disk`"
)

DIGEST = ".digest"
logger = logging.getLogger("ablation")

Progress = Callable[[str, int, int], None]


def silent(label: str, done: int, total: int) -> None:
    """The progress that shows nothing."""


@dataclass(frozen=True)
class StorySource:
    """A data set that was found. `rows` gives a split's rows anew at each call, as a stream."""

    name: str
    digest: str
    location: str
    rows: Callable[[str], Iterator[dict]]
    stories: dict[str, int] = field(default_factory=dict)
    """How many a split has, where that is known without reading them."""
    notes: Sequence[str] = ()
    """What a reader should know of its splits, in words."""
    holds_out: bool = False
    """Whether its test stories are some of those of the train split."""

    @classmethod
    def of(cls, splits: Splits, name: str, location: str) -> "StorySource":
        """A data set with those splits."""
        known = splits.stories if splits.has_test else {}
        return cls(
            name, splits.digest, location, splits.read, known, splits.notes, holds_out=not splits.has_test
        )


def open_source(name: str, world_stories: int, progress: Progress = silent) -> StorySource:
    """The source that a `dataset` key names. Raises DataError with what to do instead."""
    if name == STORYWORLD:
        return _open_world(world_stories, progress)
    folder = Path(expanduser(name))
    if isdir(folder):
        return _open_folder(folder, folder.resolve().name)
    if name.count("/") != 1 or name.startswith((".", "/", "~")) or name.endswith(".parquet"):
        raise DataError(
            f"dataset={shown(name, LONGEST_PATH)}: there is no such folder: give a folder that is there; {OFFLINE_CHOICES}"
        )
    return _open_hub(name)


def _open_world(stories: int, progress: Progress) -> StorySource:
    """The generated stories; made at the first call, then found again, and made again where they are damaged."""
    folder = _world_folder(stories)
    source = _whole_world(folder)
    if source is None:
        with held(cache_folder() / "locks" / folder.name, wait=True):
            source = _whole_world(folder) or _made_world(folder, stories, progress)
    return source


def _world_folder(stories: int) -> Path:
    from ablation.world import writer

    return cache_folder() / f"{STORYWORLD}-{stories}-{code_digest(Path(writer.__file__).parent)}"


def _whole_world(folder: Path) -> StorySource | None:
    """None where there is none, or where its digest is not the one that was noted when it was made."""
    noted = folder.with_suffix(DIGEST)
    try:
        source = _open_folder(folder, STORYWORLD) if noted.exists() else None
    except DataError:
        return None
    return source if source and noted.read_text() == source.digest else None


def _made_world(folder: Path, stories: int, progress: Progress) -> StorySource:
    """One process at a time is here."""
    from ablation.world import writer

    if folder.exists():
        logger.warning("the story world in %s is damaged or was not finished: it is made again", folder)
        shutil.rmtree(folder)
    clear_unfinished(folder)
    told = partial(progress, "making the story world")
    writer.write_world(folder, train=stories, test=stories // TRAIN_TO_TEST, progress=told)
    source = _open_folder(folder, STORYWORLD)
    write_whole(folder.with_suffix(DIGEST), source.digest)
    return source


def _open_folder(folder: Path, name: str) -> StorySource:
    saved = any((folder / f).exists() for f in ("dataset_dict.json", "state.json"))
    files = files_under(folder, ".arrow" if saved else ".parquet")
    if not files:
        raise DataError(
            f"dataset={folder} holds neither parquet files nor a data set saved with "
            "`save_to_disk`: give a folder of one of the two kinds"
        )
    splits = _saved_splits(folder, files) if saved else parquet_splits(folder, files)
    return StorySource.of(splits, name, str(folder))


def _saved_splits(folder: Path, files: list[Path]) -> Splits:
    from datasets import DatasetDict, load_from_disk

    try:
        loaded = load_from_disk(str(folder))
    except Exception as error:
        raise DataError(
            f"{folder} is not a whole saved data set: {reason(error)}. Copy it again, or save it anew with `save_to_disk`"
        ) from error
    splits = _loaded_splits(loaded if isinstance(loaded, DatasetDict) else {"train": loaded}, str(folder))
    for file in sorted({file for found in splits.files.values() for file in found} - set(files)):
        raise DataError(
            f"{folder} names {shown(str(file), LONGEST_PATH)}, which is not among its files: save it again"
        )
    return splits


def _loaded_splits(loaded: dict, place: str) -> Splits:
    if "train" not in loaded:
        raise DataError(f"{place} has no train split, only {', '.join(loaded)}: name the one to train on so")
    for split in loaded.values():
        check_columns(split.column_names, place)
    found = {split: loaded[split].with_format(None) for split in SPLITS if split in loaded}
    kept = [c for c in COLUMNS + WELCOME if all(c in rows.column_names for rows in found.values())]
    return Splits(
        rows={split: partial(_stream_loaded, rows, kept) for split, rows in found.items()},
        stories={split: len(rows) for split, rows in found.items()},
        files={split: sorted(Path(f["filename"]) for f in rows.cache_files) for split, rows in found.items()},
        left_out=sorted(set(loaded) - set(SPLITS)),
    )


def _stream_loaded(rows, columns: list[str]) -> Iterator[dict]:
    """With pictures that `datasets` knows for pictures left encoded."""
    from datasets import Image, List

    chosen = rows.select_columns(columns)
    if isinstance(getattr(chosen.features["images"], "feature", None), Image):
        chosen = chosen.cast_column("images", List(Image(decode=False)))
    return iter(chosen)


def _open_hub(name: str) -> StorySource:
    import datasets

    refusal = hub_refusal(name, "dataset")
    try:
        with asking_the_caches(only=bool(refusal)):
            loaded = datasets.load_dataset(name)
    except Exception as error:
        raise DataError(
            f"dataset={name} cannot be read from the Hugging Face hub, nor from its cache on this "
            f"machine: {refusal or reason(error)}. Either way, {OFFLINE_CHOICES}"
        ) from error
    return StorySource.of(_loaded_splits(loaded, name), name, "hub")


def first_rows(source: StorySource, split: str, limit: int | None) -> Iterator[dict]:
    """At most `limit` rows of a split. Raises DataError where the files break off."""
    rows, number = None, 0
    while True:
        try:
            rows = islice(source.rows(split), limit) if rows is None else rows
            row = next(rows)
        except StopIteration:
            return
        except DataError:
            raise
        except Exception as error:
            raise DataError(
                f"{source.location}: the {split} split breaks off after {number} stories: {reason(error)}. Copy or "
                "download the file that holds the next one again"
            ) from error
        number += 1
        yield row
