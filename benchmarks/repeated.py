"""A data set as large as wanted: one small world, its stories repeated under new names."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ablation.world.writer import write_world

TEST_STORIES = 20
STORIES = 100


def write_repeated(folder: Path, train: int, test: int = TEST_STORIES) -> Path:
    """`train` and `test` stories in the StoryReasoning schema, a file per hundred; returns their folder."""
    small = folder / "small"
    if not small.exists():
        write_world(small, train=STORIES, test=test)
    made = folder / f"repeated-{train}"
    if made.exists():
        return made
    made.mkdir()
    (table,) = (pq.read_table(file) for file in sorted(small.rglob("train*.parquet")))
    for number, start in enumerate(range(0, train, STORIES)):
        part = table.slice(0, min(STORIES, train - start))
        names = pa.array([f"{number}-{name}" for name in part["story_id"].to_pylist()])
        column = part.schema.get_field_index("story_id")
        pq.write_table(part.set_column(column, "story_id", names), made / f"train-{number:05d}.parquet")
    for file in small.rglob("test*.parquet"):
        (made / file.name).write_bytes(file.read_bytes())
    return made
