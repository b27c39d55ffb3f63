"""Four pictures with their texts, as they come from anywhere: what is taken, and what is wrong with the rest.

A picture is a `pathlib.Path`, encoded bytes, base64 text, a Pillow image, or pixels (H, W, 3) from 0 to 255 as an array
or nested lists. Text is never taken for a path: what comes over a network is text, and must not open files.
"""

import base64
import binascii
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ablation.data.batches import INPUTS
from ablation.data.frames import MODES, MOST_PIXELS, decode_frame
from ablation.errors import AblationError, reason, shown

MOST_BYTES = 2**26
"""Of an encoded picture."""
MOST_CHARACTERS = 10_000
"""Of a text; the model reads its first 120 word pieces."""
MOST_TOLD = 10
SHORT = 40
KINDS = "a pathlib.Path, encoded bytes, base64 text, or pixels (height, width, 3) from 0 to 255"


class InputError(AblationError):
    """Stories that no model can answer; every problem with its row and field."""

    def __init__(self, problems: Sequence[str]):
        self.problems = list(problems)
        more = [f"and {len(problems) - MOST_TOLD} more"] if len(problems) > MOST_TOLD else []
        told = "".join(f"\n  - {problem}" for problem in [*self.problems[:MOST_TOLD], *more])
        super().__init__(f"the input has {len(problems)} problem{'s' if len(problems) > 1 else ''}:{told}")


@dataclass(frozen=True)
class Story:
    """Four full-size RGB frames and their texts."""

    images: list[Image.Image]
    texts: list[str]


def read_stories(rows: Mapping[str, tuple[Any, Any]]) -> list[Story]:
    """The four images and four texts of each row, under the name that messages give it. Raises InputError with every
    problem.
    """
    stories, problems = [], []
    for name, (images, texts) in rows.items():
        read = [_each(images, "image", _picture), _each(texts, "text", _text)]
        problems += [f"{name}, {problem}" for _, found in read for problem in found]
        stories.append(Story(read[0][0], read[1][0]))
    if problems:
        raise InputError(problems)
    return stories


def _each(values: Any, name: str, read) -> tuple[list, list[str]]:
    """The four values that could be read, and what is wrong with the others."""
    if not isinstance(values, list | tuple | np.ndarray) or getattr(values, "ndim", 1) == 0:
        kind = type(values).__name__
        return [], [f"{name}s: {kind} {shown(values, SHORT)} is not a list: give a list of {INPUTS}"]
    if len(values) != INPUTS:
        return [], [
            f"{name}s: there are {len(values):,}: give {INPUTS}, one for each of frames 1 to {INPUTS}"
        ]
    done, problems = [], []
    for number, value in enumerate(values, start=1):
        try:
            done.append(read(value))
        except Exception as error:
            problems.append(f"{name} {number}: {reason(error)}")
    return done, problems


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(
            f"{type(value).__name__} {shown(value, SHORT)} is not text: give the frame's description"
        )
    if not value.strip():
        raise ValueError("it is empty: say in words what the frame shows")
    if len(value) > MOST_CHARACTERS:
        raise ValueError(f"{len(value):,} characters are more than {MOST_CHARACTERS:,}: shorten it")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("it holds half a character: write it as UTF-8")
    return str(value)


def _picture(value: Any) -> Image.Image:
    if isinstance(value, Image.Image):
        return _from_pillow(value)
    if isinstance(value, str):
        return _decoded(_from_base64(value))
    if isinstance(value, os.PathLike):
        return _decoded(_from_file(Path(value)))
    if isinstance(value, bytes | bytearray | memoryview):
        return _decoded(bytes(value))
    if isinstance(value, list | tuple | np.ndarray):
        return _from_pixels(value)
    raise ValueError(f"{type(value).__name__} {shown(value, SHORT)} is no picture: give {KINDS}")


def _decoded(encoded: bytes) -> Image.Image:
    if not encoded:
        raise ValueError(f"it is empty: give {KINDS}")
    if len(encoded) > MOST_BYTES:
        raise ValueError(f"{len(encoded):,} bytes are more than {MOST_BYTES:,}: make it smaller")
    try:
        return decode_frame(encoded)
    except UnidentifiedImageError as error:
        raise ValueError("it is no picture that can be read: give a PNG, JPEG or WebP file") from error
    except (OSError, SyntaxError) as error:
        raise ValueError(
            f"it cannot be read as a picture ({reason(error)}): give a whole PNG, JPEG or WebP file"
        ) from error


def _from_base64(text: str) -> bytes:
    """Also of a `data:` address."""
    body = text.partition(",")[2] if text.startswith("data:") else text
    if len(body) > MOST_BYTES * 4 // 3 + 4:
        raise ValueError(f"its {len(body):,} characters are more than {MOST_BYTES:,} bytes: make it smaller")
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(
            f"the text {shown(text, SHORT)!r} is no base64: encode the picture's bytes; in Python, "
            "give a file as pathlib.Path"
        ) from error


def _from_file(file: Path) -> bytes:
    try:
        size = file.stat().st_size
        if size > MOST_BYTES:
            raise ValueError(f"{file}: {size:,} bytes are more than {MOST_BYTES:,}: make it smaller")
        return file.read_bytes()
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from error


def _from_pillow(image: Image.Image) -> Image.Image:
    if 0 in image.size:
        raise ValueError(f"a picture of {image.width} × {image.height} pixels shows nothing")
    if image.mode not in MODES:
        raise ValueError(f"its mode {image.mode} has more than 8 bits a channel: convert it to RGB")
    _small_enough(image.size)
    return ImageOps.exif_transpose(image).convert("RGB")


def _from_pixels(value: Any) -> Image.Image:
    try:
        pixels = np.asarray(value)
    except ValueError:
        raise ValueError(f"its rows differ in length: give {KINDS}") from None
    if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise ValueError(f"pixels of shape {pixels.shape} are not (height, width, 3)")
    _small_enough(pixels.shape[1::-1])
    if pixels.dtype.kind not in "iu":
        raise ValueError(f"pixels of type {pixels.dtype} are not integers: give whole numbers from 0 to 255")
    if pixels.min() < 0 or pixels.max() > 255:
        raise ValueError(f"pixels from {pixels.min()} to {pixels.max()} are not all from 0 to 255")
    return Image.fromarray(pixels.astype(np.uint8))


def _small_enough(size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MOST_PIXELS:
        raise ValueError(f"{width:,} × {height:,} pixels are more than {MOST_PIXELS:,}: make it smaller")
