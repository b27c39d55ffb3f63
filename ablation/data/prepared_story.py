"""One story as the store takes it: the frames and descriptions that its windows need, or what is wrong with it."""

from dataclasses import asdict, dataclass

import numpy as np

from ablation.data.descriptions import read_descriptions
from ablation.data.frames import FRAME_HEIGHT, FRAME_WIDTH, decode_frame, prepare_frame
from ablation.data.marks import Mark, read_marks
from ablation.errors import DataError, reason, shown

WINDOW = 5
FRAME_SHAPE = (3, FRAME_HEIGHT, FRAME_WIDTH)
MOST_CHARACTERS, MOST_FRAMES = 1_000_000, 2_000
"""Of a text of a story, two seconds' reading at worst; and of the frames that its windows need."""


@dataclass(frozen=True)
class PreparedStory:
    """The frames of one story that some window needs, in `runs`, unbroken stretches of frame numbers.

    `told` are all its descriptions, also those that no window needs.
    """

    story_id: str
    told: list[str]
    frames: np.ndarray  # (n, 3, 60, 125) uint8
    texts: list[str]
    marks: list[dict]
    runs: list[range]
    problem: str | None = None


def prepare_story(row: dict, equalize: bool, windows: str) -> PreparedStory:
    """The frames and texts of a story that its windows need, or why it has no window.

    Raises DataError naming story and frame when a needed picture cannot be read, or when a column holds what it
    cannot.
    """
    name, images = str(row["story_id"]), _images(row)
    story, chain_of_thought = _text(row, "story"), _text(row, "chain_of_thought")
    texts = read_descriptions(story)
    runs, told = _runs(len(images), texts, windows), list(texts.values())
    problem = None
    if 0 in texts:
        problem = "its descriptions are numbered from 0, and frame 1 is the first"
    elif not runs:
        few_frames = f"fewer than {WINDOW} frames"
        few_texts = f"no {WINDOW} frames in a row with a description"
        few_texts = few_texts if windows == "sliding" else f"no description for frames 1 to {WINDOW}"
        problem = few_frames if len(images) < WINDOW else few_texts
    if problem:
        return PreparedStory(name, told, np.zeros((0, *FRAME_SHAPE), np.uint8), [], [], [], problem)
    numbers = [n for run in runs for n in run]
    if len(numbers) > MOST_FRAMES:
        raise DataError(
            f"story {shown(name)}: {len(numbers):,} frames are more than {MOST_FRAMES:,}: divide it"
        )
    frames = np.stack([_read_frame(images[n - 1], name, n, equalize) for n in numbers])
    found = read_marks(story, chain_of_thought)
    marks = [asdict(found.get(n, Mark())) for n in numbers]
    return PreparedStory(name, told, frames, [texts[n] for n in numbers], marks, runs)


def _images(row: dict) -> list:
    images = row["images"] if row["images"] is not None else []
    if not isinstance(images, list):
        raise DataError(
            f"story {shown(str(row['story_id']))}: its images are {type(images).__name__} {shown(images)}, not a list: "
            "give a list of encoded pictures"
        )
    return images


def _text(row: dict, column: str) -> str:
    text, whose = row.get(column), f"story {shown(str(row['story_id']))}: its {column}"
    if text is None:
        return ""
    if not isinstance(text, str):
        raise DataError(f"{whose} is {type(text).__name__} {shown(text)}, not text: store it as text")
    if len(text) > MOST_CHARACTERS:
        raise DataError(f"{whose} has {len(text):,} characters, more than {MOST_CHARACTERS:,}: shorten it")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{whose} holds half a character at place {error.start}: write it as UTF-8"
        ) from error
    return text


def _runs(frame_count: int, texts: dict[int, str], windows: str) -> list[range]:
    """Stretches of at least five described frames in a row; with `first`, frames 1 to 5 or none."""
    if windows == "first":
        frame_count = min(frame_count, WINDOW)
    runs, start = [], 1
    for number in range(1, frame_count + 2):
        if number > frame_count or number not in texts:
            if number - start >= WINDOW:
                runs.append(range(start, number))
            start = number + 1
    return runs


def _read_frame(image: object, story: str, number: int, equalize: bool) -> np.ndarray:
    try:
        return prepare_frame(decode_frame(_encoded(image)), equalize)
    except Exception as error:
        told = reason(error).partition(" <_io.")[0]  # an address in memory
        raise DataError(
            f"story {shown(story)}, frame {number}: the picture cannot be read "
            f"({type(error).__name__}: {told}). Mend or remove that story"
        ) from error


def _encoded(image: object) -> bytes:
    """Raises ValueError where there are none; a path is not followed, wherever it leads."""
    encoded = image.get("bytes") if isinstance(image, dict) else image
    if not isinstance(encoded, bytes | bytearray | memoryview):
        path = image.get("path") if isinstance(image, dict) else image
        raise ValueError(f"{shown(path)} stands in the place of its bytes: write them into the data set")
    if not len(encoded):
        raise ValueError("it is empty")
    return encoded
