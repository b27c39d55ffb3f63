"""The test windows that a run painted best, in the middle and worst, read back from its artifacts."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from ablation.analyse.story_scores import AGAIN
from ablation.errors import TrackingError, reason

SHEET, TABLE = "predictions/test-frames.png", "predictions/test.csv"
FRAME = (125, 60)
"""Pixels, of a frame on the sheet: six columns, a row a rank."""
COLUMNS = 6
Fetch = Callable[[Any, str], Path | None]


@dataclass(frozen=True)
class Scene:
    """One window: six PNG frames (1 to 4, the true 5, the predicted) and their six texts."""

    rank: str
    window: str
    image_loss: float
    frames: list[bytes]
    texts: list[str]


@dataclass(frozen=True)
class Gallery:
    """Of one run of an arm."""

    arm: str
    run: Any
    scenes: list[Scene]


def galleries(chosen: Sequence[tuple[str, Any]], fetch: Fetch) -> list[Gallery]:
    """Of these (arm, run), those whose runs have logged one. Raises TrackingError where what they logged is broken."""
    read = [Gallery(arm, run, _scenes(run, fetch)) for arm, run in chosen]
    return [gallery for gallery in read if gallery.scenes]


def _scenes(run: Any, fetch: Fetch) -> list[Scene]:
    sheet, table = fetch(run, SHEET), fetch(run, TABLE)
    if sheet is None or table is None:
        return []
    try:
        with Image.open(sheet) as picture, table.open(encoding="utf-8", newline="") as opened:
            rows = list(csv.DictReader(opened))
            _check(picture.size, len(rows))
            return [_scene(row, picture, place) for place, row in enumerate(rows)]
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        SyntaxError,
        csv.Error,
        Image.DecompressionBombError,
    ) as error:
        raise TrackingError(
            f"run {run.run_id}: {SHEET} and {TABLE} are not what a run writes ({reason(error)}); {AGAIN.format(run.run_id)}"
        ) from error


def _check(size: tuple[int, int], rows: int) -> None:
    whole = COLUMNS * FRAME[0], rows * FRAME[1]
    if size != whole:
        raise ValueError(f"the sheet has {size[0]} × {size[1]} pixels, not {whole[0]} × {whole[1]}")


def _scene(row: dict[str, str], sheet: Image.Image, place: int) -> Scene:
    width, height = FRAME
    boxes = [(n * width, place * height, (n + 1) * width, (place + 1) * height) for n in range(COLUMNS)]
    frames = [_png(sheet.crop(box)) for box in boxes]
    texts = [row[f"text{n}"] for n in range(1, COLUMNS)] + [row["written"]]
    return Scene(row["rank"], row["window"], float(row["image_loss"]), frames, texts)


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "png", optimize=True)
    return buffer.getvalue()
