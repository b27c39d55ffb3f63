"""The best answer: what a predictor reaches that knows the hidden state of the story after frame 4.

Only the embedded world has one. For every window, `FUTURES` continuations are drawn from the state
of frame 4 and painted:

image: their per-pixel median is the best constant guess under L1, scored against the real frame 5.
    Drawn from finitely many futures it is a little too high; half as many tell by how much.
text: the conditional entropy of the description, in nats per token of its tokens; see
    `world.futures` for what is exact and what lies between bounds.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from itertools import islice
from pathlib import Path

import numpy as np

from ablation.data.folders import code_digest
from ablation.data.sources import Progress, silent
from ablation.data.store import WINDOW, Store
from ablation.data.windows import StoryWindows
from ablation.helpers import helpers, threads_here
from ablation.ownership import held
from ablation.places import cache_folder, write_whole

FUTURES = 48
ORACLE_SEED = 20_241


@dataclass(frozen=True)
class WindowOracle:
    """Of one window; text in nats per token."""

    image_loss: float
    image_loss_half: float
    """The mean of the medians of either half of the futures."""
    text_told: float
    text_hinted: float
    tokens: int
    """Of the real description 5 after [CLS], cut at 120."""


@dataclass(frozen=True)
class Task:
    """What a worker needs to score one window."""

    key: str
    story_id: str
    first_frame: int  # from 1
    target: np.ndarray  # (3, 60, 125) uint8
    tokens: int
    tokenizer: str
    equalize: bool
    futures: int


def window_oracles(
    store: Store, windows: StoryWindows, equalize: bool, progress: Progress = silent
) -> list[WindowOracle]:
    """The oracle of each window of the embedded world; kept on disk, so that each is computed once.

    A window's is the same for every seed, model and choice of windows: it is filed under the digests of
    the data, the tokenizer and the code that computes it, by the window's name. Of processes that ask at the same time
    one computes, while the others wait.
    """
    file = _file_for(store)
    tasks, known = list(_tasks(store, windows, equalize)), _kept(file)
    if any(task.key not in known for task in tasks):
        with held(cache_folder() / "locks" / f"oracle-{file.stem}", wait=True):
            known = _completed(file, tasks, progress)
    return [WindowOracle(**known[task.key]) for task in tasks]


def _file_for(store: Store) -> Path:
    from ablation.data import frames
    from ablation.world import futures

    code = code_digest(Path(futures.__file__).parent, Path(frames.__file__), Path(__file__))
    return cache_folder() / "oracle" / f"{store.data_hash}-{store.tokenizer_hash}-{code}-{FUTURES}.json"


def _kept(file: Path) -> dict:
    """The whole ones by key; nothing where the file is missing or broken, so that all is computed again."""
    try:
        known = json.loads(file.read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return (
        {key: oracle for key, oracle in known.items() if _is_whole(oracle)} if isinstance(known, dict) else {}
    )


def _is_whole(oracle: object) -> bool:
    return isinstance(oracle, dict) and oracle.keys() == {field.name for field in fields(WindowOracle)}


def _completed(file: Path, tasks: list[Task], progress: Progress) -> dict:
    """What is on disk by now, and what was missing there, computed and filed. One process at a time is here."""
    known = _kept(file)
    missing = [task for task in tasks if task.key not in known]
    for done, (key, oracle) in enumerate(_computed(missing), start=1):
        known[key] = asdict(oracle)
        progress("asking the oracle", done, len(missing))
    if missing:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(known))
    return known


def _tasks(store: Store, windows: StoryWindows, equalize: bool) -> Iterator[Task]:
    padding, folder = store.tokenizer().pad_token_id, str(store.folder / "tokenizer")
    of_each = (windows.names(), windows.stories, windows.numbers.tolist(), windows.target_frame_rows())
    for name, story, number, row in zip(*of_each, strict=True):
        key = f"{name}:{'equalized' if equalize else 'raw'}"
        target = np.array(windows.frames[row])
        count = int((windows.token_rows[row, 1:] != padding).sum())
        yield Task(key, windows.story_ids[story], number, target, count, folder, equalize, FUTURES)


def _computed(tasks: list[Task]) -> Iterator[tuple[str, WindowOracle]]:
    workers = threads_here()
    if workers == 1 or len(tasks) < 2 * workers:
        yield from map(score, tasks)
        return
    with helpers(workers) as pool:
        yield from pool.map(score, tasks, chunksize=2)


def score(task: Task) -> tuple[str, WindowOracle]:
    """Draws and paints the futures of one window."""
    from tokenizers import Tokenizer

    from ablation.world.futures import futures
    from ablation.world.story import plan_story

    split, number = task.story_id.rsplit("-", 1)
    before = plan_story(0, split, int(number))[task.first_frame + WINDOW - 3]
    draws = np.random.default_rng([ORACLE_SEED, int(number), task.first_frame])
    drawn = list(islice(futures(before, draws), task.futures))
    pixels = np.stack([_frame(future.state, task.equalize) for future in drawn])
    tokenizer = Tokenizer.from_file(f"{task.tokenizer}/tokenizer.json")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    lengths = [len(tokenizer.encode(future.words).ids) - 1 for future in drawn]
    return task.key, WindowOracle(
        image_loss=_median_loss(pixels, task.target),
        image_loss_half=float(np.mean([_median_loss(pixels[half::2], task.target) for half in (0, 1)])),
        text_told=sum(future.told for future in drawn) / sum(lengths),
        text_hinted=sum(future.hinted for future in drawn) / sum(lengths),
        tokens=task.tokens,
    )


def _frame(state, equalize: bool) -> np.ndarray:
    from ablation.data.frames import decode_frame, prepare_frame
    from ablation.world.paint import paint
    from ablation.world.story import jpeg

    return prepare_frame(decode_frame(jpeg(paint(state).image)), equalize)


def _median_loss(pixels: np.ndarray, target: np.ndarray) -> float:
    """L1 in [0, 1] of the per-pixel median of (n, 3, 60, 125) against (3, 60, 125)."""
    return float(np.abs(np.median(pixels, axis=0) - target).mean() / 255)
