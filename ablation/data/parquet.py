"""A folder of parquet files, read in little memory whatever the files declare."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from ablation.data.schema import COLUMNS, SPLITS, WELCOME, Splits, check_columns, split_of
from ablation.errors import DataError, reason

ROWS_AT_ONCE = 8
"""Stories that are unpacked at once: a small file may hold one picture, or one text, millions of times."""
MOST_AT_ONCE = 8_000_000_000
"""Bytes of a row group of a parquet file, decompressed: a small file may declare terabytes."""


def parquet_splits(folder: Path, files: Sequence[Path]) -> Splits:
    """Raises DataError where a file is damaged or no StoryReasoning, or where a split has no story."""
    found, stories, columns = {}, {}, list(COLUMNS + WELCOME)
    for file in files:
        about = _metadata(file)
        names = about.schema.to_arrow_schema().names
        check_columns(names, str(file))
        _check_row_groups(about, file)
        columns = [column for column in columns if column in names]
        split = split_of(file.relative_to(folder))
        stories[split] = stories.get(split, 0) + about.num_rows
        if about.num_rows:
            found.setdefault(split, []).append(file)
    _check_stories(folder, stories)
    used = {split: filled for split, filled in found.items() if split in SPLITS}
    return Splits(
        rows={split: partial(_stream, filled, columns) for split, filled in used.items()},
        stories={split: stories[split] for split in used},
        files=used,
        left_out=sorted(stories.keys() - set(SPLITS)),
    )


def _metadata(file: Path):
    import pyarrow
    import pyarrow.parquet

    try:
        return pyarrow.parquet.read_metadata(file)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{file} is not a whole parquet file: {reason(error)}. Copy or download it again, or take it out of the "
            "folder"
        ) from error


def _check_row_groups(about, file: Path) -> None:
    """A part of it, up to the whole, is decompressed at once."""
    for number in range(about.num_row_groups):
        size = about.row_group(number).total_byte_size
        if size > MOST_AT_ONCE:
            raise DataError(
                f"{file}: row group {number} unpacks to {size / 1e9:.0f} GB, more than {MOST_AT_ONCE / 1e9:.0f}: write "
                "the file with fewer stories in a row group (100 do well)"
            )


def _check_stories(folder: Path, stories: dict[str, int]) -> None:
    if "train" not in stories:
        raise DataError(f"{folder} has no parquet file of a train split: name one train-….parquet")
    for split in SPLITS:
        if stories.get(split) == 0:
            raise DataError(f"{folder} has no story in its parquet files of the {split} split: give some")


def _stream(files: list[Path], columns: list[str]) -> Iterator[dict]:
    """As `datasets` reads them, pictures left encoded, but never a whole row group: unpacked it may be millions of times
    as large as the file.
    """
    from datasets import Features
    from pyarrow.parquet import ParquetFile, read_schema

    features = Features.from_arrow_schema(read_schema(files[0]))
    schema = Features({name: features[name] for name in columns}).arrow_schema
    for file in files:
        with ParquetFile(file) as opened:
            for batch in opened.iter_batches(ROWS_AT_ONCE, columns=columns):
                yield from _as_in_the_first(batch, schema, file, files[0]).to_pylist()


def _as_in_the_first(batch, schema, file: Path, first: Path):
    """Raises DataError where a file's columns are of other types."""
    from datasets.table import table_cast
    from pyarrow import Table

    try:
        return table_cast(Table.from_batches([batch]), schema)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise DataError(
            f"{file} has a column of another type than {first.name} ({reason(error)}): write both with the same types"
        ) from error
