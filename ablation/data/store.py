"""The prepared store: frames, tokens and windows of a data set on disk, made once, memory-mapped.

Layout of a store: `manifest.json` (written last), `tokenizer/`, and for each split
`<split>.frames.u8` (F, 3, 60, 125), `<split>.tokens.i32` (F, 120) and `<split>.json`.
"""

import json
import mmap
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import numpy as np

from ablation.config.config import Config, short_hash
from ablation.data.folders import code_digest, folder_digest
from ablation.data.integrity import damage_of, stamps
from ablation.data.prepared_story import FRAME_SHAPE, WINDOW, PreparedStory, prepare_story
from ablation.data.schema import HELD_OUT_PERCENT, SPLITS
from ablation.data.sources import Progress, StorySource, first_rows, silent
from ablation.data.tokens import (
    MAX_TOKENS,
    choose_tokenizer,
    encode,
    load_tokenizer,
    train_wordpiece,
)
from ablation.errors import DataError
from ablation.ownership import held
from ablation.places import cache_folder, clear_unfinished, put_in_place

STORE_VERSION = 4
HERE = Path(__file__).parent
MAKING = ("store", "prepared_story", "descriptions", "frames", "marks", "tokens")
MADE_WITH = ("numpy", "pillow", "tokenizers", "torchvision", "transformers")
"""Modules beside this one, and packages, that what is in a store depends on."""
FILES_KEY = "tokenizer_files"
FEWEST_STORIES = 5
CHUNK, TEXTS_AT_ONCE = 32, 2000
LONGEST_NAME = 160
"""Bytes of a data set's name in that of its folder; file systems take 255 of both together."""
MOST_TOLD = 5
HELD_OUT = (
    f"without a test split of its own {HELD_OUT_PERCENT} % of the stories, by their ids, are held out to test: name a file "
    "test-….parquet, or give forty stories or more, each with its own story_id"
)


@dataclass
class SplitIndex:
    """What is known of a split: its usable stories, where their windows start, what was skipped.

    `texts` and `marks` (see marks.py) stand beside the rows of the frames. `places[s]` tells which of the `read` stories, from 0, usable story s was. `starts[w]` is the row of
    window w's first frame, `numbers[w]` that frame's number in its story, from 1, and `stories[w]` the
    index of its story.
    """

    story_ids: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    marks: list[dict] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    stories: list[int] = field(default_factory=list)
    read: int = 0
    skipped: dict[str, list[str]] = field(default_factory=dict)

    @property
    def skipped_counts(self) -> dict[str, int]:
        """Reason to number of stories, in words."""
        return {reason: len(ids) for reason, ids in self.skipped.items()}


@dataclass(frozen=True)
class Store:
    """A prepared data set on disk. `data_hash` is the digest of the data itself."""

    folder: Path
    data_hash: str
    tokenizer_hash: str
    vocabulary: int
    note: str = ""
    """How it came about: found, made, or made again and why."""

    @property
    def megabytes(self) -> float:
        """On disk, 10^6 bytes."""
        return sum(p.stat().st_size for p in self.folder.rglob("*") if p.is_file()) / 1e6

    def tokenizer(self):
        """The tokenizer that made the tokens."""
        return load_tokenizer(self.folder / "tokenizer")

    def index(self, split: str) -> SplitIndex:
        """What is known of a split."""
        return SplitIndex(**json.loads((self.folder / f"{split}.json").read_text()))

    def frames(self, split: str) -> np.ndarray:
        """(F, 3, 60, 125) uint8, memory-mapped."""
        return _mapped(self.folder / f"{split}.frames.u8", np.uint8, FRAME_SHAPE)

    def tokens(self, split: str) -> np.ndarray:
        """(F, 120) int32, memory-mapped."""
        return _mapped(self.folder / f"{split}.tokens.i32", np.int32, (MAX_TOKENS,))


def _mapped(file: Path, dtype: type, row: tuple[int, ...]) -> np.ndarray:
    """Writable as torch wants it, but nothing written reaches the file."""
    rows = file.stat().st_size // (np.dtype(dtype).itemsize * int(np.prod(row)))
    return np.memmap(file, dtype=dtype, mode="c", shape=(rows, *row))


def release(array: np.ndarray) -> None:
    """Takes a mapped array's pages out of this process; they come back from the file when looked at."""
    mapped = getattr(array, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def prepare(config: Config, source: StorySource, progress: Progress = silent) -> Store:
    """The store for a configuration's data keys: found when complete, else built.

    Raises DataError when a picture cannot be read or fewer than five stories are usable.
    """
    tokenizer = choose_tokenizer(config.tokenizer, config.dataset)
    made_from = {
        "version": str(STORE_VERSION),
        "code": code_digest(*(HERE / f"{name}.py" for name in MAKING)),
        "packages": ", ".join(f"{name} {version(name)}" for name in MADE_WITH),
        "data": source.digest,
        "equalize": str(config.equalize),
        "windows": held_windows(config),
        "tokenizer": tokenizer,
        "max_stories": str(config.max_stories),
    }
    if "tokenizer" in (named := named_folders(config)):
        made_from[FILES_KEY] = named["tokenizer"]
    folder = cache_folder() / "prepared" / f"{_inside(source.name)}-{short_hash(made_from)}"
    note = "found"
    if not folder.exists() or damage_of(folder):
        with held(cache_folder() / "locks" / f"store-{folder.name}", wait=True):
            note = _made(folder, config, source, tokenizer, made_from, progress)
    manifest = json.loads((folder / "manifest.json").read_text())
    return Store(folder, manifest["data_hash"], manifest["tokenizer_hash"], manifest["vocabulary"], note)


def named_folders(config: Config) -> dict[str, str]:
    """Digests of the local folders, by key, that a configuration reads a tokenizer or a sentence encoder from: their
    names do not tell what is in them.
    """
    tokenizer = choose_tokenizer(config.tokenizer, config.dataset)
    places = {"tokenizer": tokenizer} if tokenizer != "trained" else {}
    if config.text_encoder == "minilm":
        places["sentence_model"] = config.sentence_model
    digests = {key: folder_digest(place) for key, place in places.items()}
    return {key: digest for key, digest in digests.items() if digest}


def _inside(name: str) -> str:
    """A data set's name as a path that no file system refuses and that does not lead out of a folder."""
    parts = "/".join(part for part in name.split("/") if part not in ("", ".", ".."))
    return parts.encode()[:LONGEST_NAME].decode(errors="ignore")


def held_windows(config: Config) -> str:
    """The windows that serve both training and scoring; the sliding ones contain the first ones."""
    return "sliding" if "sliding" in (config.windows, config.scored) else "first"


def _made(folder, config, source, tokenizer, made_from, progress) -> str:
    """How it came about. One process at a time is here."""
    damage = damage_of(folder) if folder.exists() else None
    if folder.exists() and not damage:  # another process was quicker
        return "found"
    cleared = clear_unfinished(folder)
    _build(folder, config, source, tokenizer, made_from, progress)
    note = f"made again, {damage}" if damage else "made"
    return note + (f"; {cleared} unfinished from a killed run cleared away" if cleared else "")


def _build(folder, config, source, tokenizer, made_from, progress) -> None:
    """Builds beside the final place and renames at the end: a killed build leaves nothing valid."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        building = Path(temporary) / "store"
        building.mkdir()
        given = None if tokenizer == "trained" else load_tokenizer(tokenizer)
        written = {s: _write_frames(building, s, config, source, progress) for s in SPLITS}
        indices, (_, told) = {s: index for s, (index, _) in written.items()}, written["train"]
        words = train_wordpiece(told) if given is None else given
        words.save_pretrained(building / "tokenizer")
        for split, index in indices.items():
            with (building / f"{split}.tokens.i32").open("wb") as file:
                for start in range(0, len(index.texts), TEXTS_AT_ONCE):
                    file.write(encode(words, index.texts[start : start + TEXTS_AT_ONCE]).tobytes())
            (building / f"{split}.json").write_text(json.dumps(asdict(index)))
        manifest = {
            "made_from": made_from,
            "data_hash": source.digest,
            "tokenizer_hash": _tokenizer_hash(words, made_from),
            "vocabulary": len(words),
            "files": stamps(building),
        }
        (building / "manifest.json").write_text(json.dumps(manifest, indent=1))
        shutil.rmtree(folder, ignore_errors=True)
        put_in_place(building, folder)


def _tokenizer_hash(words, made_from: dict[str, str]) -> str:
    """Of a local folder's, which may say more than the vocabulary, all files."""
    files = {FILES_KEY: made_from[FILES_KEY]} if FILES_KEY in made_from else {}
    return short_hash({word: str(number) for word, number in words.get_vocab().items()} | files)


def _write_frames(building, split, config, source, progress) -> tuple[SplitIndex, list[str]]:
    """Streams a split's stories through the preprocessing into one file of frames.

    Beside the index, every description that was read: also of skipped stories and of frames that no
    window needs, so that a tokenizer trained on them is the same whatever the windows.
    """
    index, told, broken = SplitIndex(), [], []
    rows, windows = first_rows(source, split, config.max_stories), held_windows(config)
    total = min(source.stories.get(split, 0), config.max_stories or sys.maxsize)
    with (building / f"{split}.frames.u8").open("wb") as file, ThreadPoolExecutor() as pool:
        for chunk in _chunks(rows):
            for story in _prepared(pool, chunk, config.equalize, windows):
                if isinstance(story, DataError):
                    broken.append(str(story))
                    continue
                _add(index, story)
                told += story.told
                if not broken:
                    file.write(story.frames.tobytes())
            progress(f"preparing {split} stories", index.read + len(broken), total)
    if broken:
        raise DataError(_broken(source, split, broken))
    if len(index.story_ids) < FEWEST_STORIES:
        raise DataError(_too_few(source, split, index))
    return index, told


def _prepared(
    pool: ThreadPoolExecutor, rows: list[dict], equalize: bool, windows: str
) -> Iterator[PreparedStory | DataError]:
    """Of each row its story, or what is broken in it."""

    def attempt(row: dict) -> PreparedStory | DataError:
        try:
            return prepare_story(row, equalize, windows)
        except DataError as error:
            return error

    return pool.map(attempt, rows)


def _broken(source: StorySource, split: str, problems: list[str]) -> str:
    more = [f"and {len(problems) - MOST_TOLD} more"] if len(problems) > MOST_TOLD else []
    return f"{source.location}, {split} split: " + "\n  - ".join(problems[:MOST_TOLD] + more)


def _chunks(rows: Iterator[dict]) -> Iterator[list[dict]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _add(index: SplitIndex, story: PreparedStory) -> None:
    index.read += 1
    if story.problem:
        index.skipped.setdefault(story.problem, []).append(story.story_id)
        return
    row = len(index.texts)
    for run in story.runs:
        count = len(run) - WINDOW + 1
        index.starts += range(row, row + count)
        index.numbers += run[:count]
        index.stories += [len(index.story_ids)] * count
        row += len(run)
    index.story_ids.append(story.story_id)
    index.places.append(index.read - 1)
    index.texts += story.texts
    index.marks += story.marks


def _too_few(source: StorySource, split: str, index: SplitIndex) -> str:
    told = [f"{count} skipped: {why}" for why, count in index.skipped_counts.items()]
    if not index.read:
        told.append("it is empty")
    if source.holds_out and index.read < FEWEST_STORIES:
        told.append(HELD_OUT)
    return (
        f"{source.location}: the {split} split has {len(index.story_ids)} usable stories of "
        f"{index.read} read, at least {FEWEST_STORIES} are needed; {'; '.join(told) or 'give more'}"
    )
