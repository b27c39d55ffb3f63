"""One reader for the StoryReasoning schema: the embedded world, a Hugging Face name, a folder."""

import hashlib
import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from os.path import expanduser, isdir
from pathlib import Path

from ablation.data.files import files_under
from ablation.data.hub import hub_refusal, stay_offline
from ablation.errors import LONGEST_PATH, DataError, reason, shown
from ablation.ownership import held
from ablation.places import cache_folder, clear_unfinished, write_whole

STORYWORLD = "storyworld"
STORY_REASONING = "daniel3303/StoryReasoning"
COLUMNS = ("story_id", "images", "story")
WELCOME = ("chain_of_thought",)
"""Columns that tell more of a data set where it has them."""
SPLITS = ("train", "test")
HELD_OUT_PERCENT = 15
TRAIN_TO_TEST = 4
ROWS_AT_ONCE = 8
"""Stories that are unpacked at once: a small file may hold one picture, or one text, millions of times."""
MOST_AT_ONCE = 8_000_000_000
"""Bytes of a row group of a parquet file, decompressed: a small file may declare terabytes."""
OFFLINE_CHOICES = (
    f"offline, use dataset={STORYWORLD} (embedded, needs no network), or a local folder: parquet "
    "files in the StoryReasoning schema, or a data set saved with `datasets` `save_to_disk`"
)

DIGEST = ".digest"
logger = logging.getLogger("ablation")

Progress = Callable[[str, int, int], None]
Rows = tuple[Callable[[str], Iterator[dict]], dict[str, int]]
"""What gives a split's rows, and how many there are."""


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


def open_source(name: str, world_stories: int, progress: Progress = silent) -> StorySource:
    """The source that a `dataset` key names. Raises DataError with what to do instead."""
    if name == STORYWORLD:
        return _open_world(world_stories, progress)
    folder = Path(expanduser(name))
    if isdir(folder):
        return _open_folder(folder, folder.resolve().name)
    if name.count("/") != 1 or name.startswith((".", "/", "~")) or name.endswith(".parquet"):
        raise DataError(
            f"dataset={shown(name, LONGEST_PATH)}: there is no such folder; give a folder, {OFFLINE_CHOICES}"
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

    code = hashlib.sha256()
    for module in sorted(Path(writer.__file__).parent.glob("*.py")):
        code.update(module.read_bytes())
    return cache_folder() / f"{STORYWORLD}-{stories}-{code.hexdigest()[:12]}"


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
    rows, stories = _saved_rows(folder, files) if saved else _parquet_rows(files)
    return StorySource(name, _digest(files), str(folder), rows, stories)


def _parquet_rows(files: list[Path]) -> Rows:
    """Rows by split, a file's split being told by the start of its name; unnamed is train."""
    import pyarrow
    import pyarrow.parquet

    by_split: dict[str, list[Path]] = {split: [] for split in SPLITS}
    columns, stories = list(COLUMNS + WELCOME), {}
    for file in files:
        try:
            about = pyarrow.parquet.read_metadata(file)
            names = about.schema.to_arrow_schema().names
        except (pyarrow.ArrowException, OSError) as error:
            raise DataError(
                f"{file} is not a whole parquet file: {reason(error)}. Copy or download it again, or take it out of the "
                "folder"
            ) from error
        _check_columns(names, str(file))
        _check_row_groups(about, file)
        columns = [column for column in columns if column in names]
        split = "test" if file.name.startswith("test") else "train"
        stories[split] = stories.get(split, 0) + about.num_rows
        if about.num_rows:
            by_split[split].append(file)
    if "train" not in stories:
        raise DataError(f"{files[0].parent} has no parquet file of a train split: name one train-….parquet")
    empty = [split for split, count in stories.items() if not count]
    if empty:
        raise DataError(
            f"{files[0].parent} has no story in its parquet files of the {empty[0]} split: give some"
        )
    splits = {s: partial(_stream_parquet, found, columns) for s, found in by_split.items() if found}
    return _rows_of(splits, stories)


def _check_row_groups(about, file: Path) -> None:
    """A part of it, up to the whole, is decompressed at once."""
    for number in range(about.num_row_groups):
        size = about.row_group(number).total_byte_size
        if size > MOST_AT_ONCE:
            raise DataError(
                f"{file}: row group {number} unpacks to {size / 1e9:.0f} GB, more than {MOST_AT_ONCE / 1e9:.0f}: write "
                "the file with fewer stories in a row group (100 do well)"
            )


def _stream_parquet(files: list[Path], columns: list[str]) -> Iterator[dict]:
    """As `datasets` reads them, pictures left encoded, but never a whole row group: unpacked it may be millions of times
    as large as the file.
    """
    from datasets import Features
    from datasets.table import table_cast
    from pyarrow import Table
    from pyarrow.parquet import ParquetFile, read_schema

    features = Features.from_arrow_schema(read_schema(files[0]))
    schema = Features({name: features[name] for name in columns}).arrow_schema
    for file in files:
        with ParquetFile(file) as opened:
            for batch in opened.iter_batches(ROWS_AT_ONCE, columns=columns):
                yield from table_cast(Table.from_batches([batch]), schema).to_pylist()


def _saved_rows(folder: Path, files: list[Path]) -> Rows:
    from datasets import DatasetDict, load_from_disk

    try:
        loaded = load_from_disk(str(folder))
    except Exception as error:
        raise DataError(
            f"{folder} is not a whole saved data set: {reason(error)}. Copy it again, or save it anew with `save_to_disk`"
        ) from error
    splits = loaded if isinstance(loaded, DatasetDict) else {"train": loaded}
    read = {Path(file["filename"]) for split in splits.values() for file in split.cache_files}
    for file in sorted(read - set(files)):
        raise DataError(
            f"{folder} names {shown(str(file), LONGEST_PATH)}, which is not among its files: save it again"
        )
    return _loaded_rows(splits, str(folder))


def _loaded_rows(loaded: dict, place: str) -> Rows:
    if "train" not in loaded:
        raise DataError(f"{place} has no train split, only {', '.join(loaded)}: name the one to train on so")
    for split in loaded.values():
        _check_columns(split.column_names, place)
    found = {split: loaded[split].with_format(None) for split in SPLITS if split in loaded}
    kept = [c for c in COLUMNS + WELCOME if all(c in rows.column_names for rows in found.values())]
    splits = {split: partial(_stream_loaded, rows, kept) for split, rows in found.items()}
    return _rows_of(splits, {s: len(loaded[s]) for s in splits})


def _stream_loaded(rows, columns: list[str]) -> Iterator[dict]:
    """With pictures that `datasets` knows for pictures left encoded."""
    from datasets import Image, List

    chosen = rows.select_columns(columns)
    if isinstance(getattr(chosen.features["images"], "feature", None), Image):
        chosen = chosen.cast_column("images", List(Image(decode=False)))
    return iter(chosen)


def _rows_of(splits: dict[str, Callable[[], Iterator[dict]]], stories: dict[str, int]) -> Rows:
    """Without a test split, 15 % of the stories are held out, chosen by their id."""

    def rows(split: str) -> Iterator[dict]:
        everything = splits.get(split, splits["train"])()
        if "test" in splits:
            return everything
        return (row for row in everything if _held_out(row["story_id"]) == (split == "test"))

    return rows, stories if "test" in splits else {}


def _held_out(story_id: object) -> bool:
    digest = hashlib.blake2b(str(story_id).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % 100 < HELD_OUT_PERCENT


def _check_columns(names: list[str], place: str) -> None:
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        raise DataError(
            f"{place} lacks the column {', '.join(missing)}; it has {shown(', '.join(names), LONGEST_PATH)}. The "
            f"StoryReasoning schema needs {', '.join(COLUMNS)}"
        )


def _digest(files: list[Path]) -> str:
    """Sixteen hexadecimal digits of the bytes of the files, in the order of their names."""
    total = hashlib.blake2b(digest_size=8)
    for file in files:
        with file.open("rb") as opened:
            total.update(hashlib.file_digest(opened, "blake2b").digest())
    return total.hexdigest()


def _open_hub(name: str) -> StorySource:
    import datasets

    refusal = hub_refusal(name, "dataset")
    if refusal:
        stay_offline()
    try:
        loaded = datasets.load_dataset(name)
    except Exception as error:
        raise DataError(
            f"dataset={name} cannot be read from the Hugging Face hub, nor from its cache on this "
            f"machine: {refusal or reason(error)}. Either way, {OFFLINE_CHOICES}"
        ) from error
    files = [Path(f["filename"]) for split in loaded.values() for f in split.cache_files]
    return StorySource(name, _digest(sorted(files)), "hub", *_loaded_rows(loaded, name))


def first_rows(source: StorySource, split: str, limit: int | None) -> Iterator[dict]:
    """At most `limit` rows of a split. Raises DataError where the files break off."""
    rows, number = None, 0
    while True:
        try:
            rows = islice(source.rows(split), limit) if rows is None else rows
            row = next(rows)
        except StopIteration:
            return
        except Exception as error:
            raise DataError(
                f"{source.location}: the {split} split breaks off after {number} stories: {reason(error)}. Copy or "
                "download the file that holds the next one again"
            ) from error
        number += 1
        yield row
