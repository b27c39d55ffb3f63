"""The world on disk: parquet shards that `datasets.load_dataset(folder)` reads, and a data card."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import nullcontext
from itertools import islice
from pathlib import Path

from ablation.helpers import helpers, threads_here
from ablation.places import put_in_place
from ablation.world.canvas import FRAME
from ablation.world.story import make_story

Progress = Callable[[int, int], None]
GROUP = 16
"""Stories in a row group, and in one task of a worker."""
SHARD = 240
"""Stories in a file at most."""
FEATURES = {
    "story_id": {"dtype": "string", "_type": "Value"},
    "images": {"feature": {"_type": "Image"}, "_type": "List"},
    "frame_count": {"dtype": "int32", "_type": "Value"},
    "chain_of_thought": {"dtype": "string", "_type": "Value"},
    "story": {"dtype": "string", "_type": "Value"},
}
CARD = """---
license: cc0-1.0
pretty_name: An embedded world of film stories
configs:
- config_name: default
  data_files:
{files}
---

# An embedded world of film stories

Generated stories in the schema of `daniel3303/StoryReasoning`: film frames ({width}x{height} pixels) with one
description each, bounding boxes and settings. People, places, light, camera and words come from the state machine in
`ablation/world/`; no picture or text of others went into it.

| split | stories |
|---|---|
| train | {train} |
| test | {test} |

Seed {seed}. The same seed gives the same bytes. Licence of the generated data: CC0-1.0.
"""


def _schema():
    import pyarrow as pa

    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = [
        ("story_id", pa.string()),
        ("images", pa.list_(image)),
        ("frame_count", pa.int32()),
        ("chain_of_thought", pa.string()),
        ("story", pa.string()),
    ]
    metadata = {"huggingface": json.dumps({"info": {"features": FEATURES}})}
    return pa.schema(columns, metadata=metadata)


def _stories(task: tuple[int, str, int, int]) -> list[dict]:
    seed, split, start, stop = task
    return [make_story(seed, split, index) for index in range(start, stop)]


def _tasks(seed: int, split: str, count: int) -> Iterator[tuple[int, str, int, int]]:
    """Row groups that never cross the border of a shard."""
    for shard in range(0, count, SHARD):
        end = min(shard + SHARD, count)
        for start in range(shard, end, GROUP):
            yield seed, split, start, min(start + GROUP, end)


def _in_order(pool: ProcessPoolExecutor | None, tasks: list, ahead: int) -> Iterator[list[dict]]:
    """Results in the order of the tasks, with at most `ahead` of them in memory."""
    if pool is None:
        yield from map(_stories, tasks)
        return
    waiting = iter(tasks)
    pending: list[Future] = [pool.submit(_stories, task) for task in islice(waiting, ahead)]
    while pending:
        group = pending.pop(0).result()
        pending.extend(pool.submit(_stories, task) for task in islice(waiting, 1))
        yield group


def _write_split(
    folder: Path, split: str, count: int, groups: Iterator[list[dict]], report: Callable[[int], None]
) -> None:
    """`groups` must yield this split's row groups in order."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema, shards = _schema(), -(-count // SHARD)
    for shard in range(shards):
        path = folder / f"{split}-{shard:05d}-of-{shards:05d}.parquet"
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            remaining = min(SHARD, count - shard * SHARD)
            while remaining:
                group = next(groups)
                rows = [
                    story | {"images": [{"bytes": data, "path": None} for data in story["images"]]}
                    for story in group
                ]
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))
                remaining -= len(group)
                report(len(group))


def _card(train: int, test: int, seed: int) -> str:
    sizes = {"train": train, "test": test}
    files = "\n".join(
        f"  - split: {split}\n    path: data/{split}-*.parquet" for split, n in sizes.items() if n
    )
    return CARD.format(files=files, width=FRAME[0], height=FRAME[1], seed=seed, **sizes)


def _fill(folder: Path, train: int, test: int, seed: int, workers: int, progress: Progress | None) -> None:
    (folder / "data").mkdir()
    done = 0

    def report(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, train + test)

    sizes = {"train": train, "test": test}
    tasks = [task for split, count in sizes.items() for task in _tasks(seed, split, count)]
    alone = workers == 1 or len(tasks) == 1
    with nullcontext() if alone else helpers(workers) as pool:
        groups = _in_order(pool, tasks, ahead=2 * workers)
        for split, count in sizes.items():
            _write_split(folder / "data", split, count, groups, report)
    (folder / "README.md").write_text(_card(train, test, seed), encoding="utf-8")


def write_world(
    folder: Path,
    *,
    train: int = 400,
    test: int = 100,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Write the data set into `folder`, which must not exist or be empty; it appears only when complete.

    `progress(done, total)` counts stories. `workers` defaults to the processors this process may use.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists and is not an empty folder; remove it or name another")
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _fill(partial, train, test, seed, workers or threads_here(), progress)
        partial.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        put_in_place(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
