"""One story in the schema of the data set."""

import io
import zlib

import numpy as np
from PIL import Image

from ablation.world.grammar import describe
from ablation.world.paint import paint
from ablation.world.parameters import DIALS, Dials
from ablation.world.process import sample_story
from ablation.world.reasoning import reason
from ablation.world.state import State

QUALITY = 88
"""Of the JPEG frames."""
SPLITS = {"train": 0, "test": 1}


def story_generator(seed: int, split: str, index: int) -> np.random.Generator:
    """Splits without a number of their own get one from their name, the same in every process."""
    number = SPLITS.get(split, zlib.crc32(split.encode()) + len(SPLITS))
    return np.random.default_rng(np.random.SeedSequence([seed, number, index]))


def plan_story(seed: int, split: str, index: int, dials: Dials = DIALS) -> list[State]:
    """The states of all frames, nothing painted."""
    return sample_story(story_generator(seed, split, index), dials)


def jpeg(image: Image.Image) -> bytes:
    """A frame as it stands in the data set."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def make_story(seed: int, split: str, index: int) -> dict:
    """A row: story_id, images (JPEG bytes), frame_count, chain_of_thought, story."""
    images, thoughts, blocks = [], [], []
    for state in plan_story(seed, split, index):
        painting = paint(state)
        images.append(jpeg(painting.image))
        thoughts.append(reason(state, painting.boxes))
        blocks.append(f"<gdi image{state.frame}> {describe(state)} </gdi>")
    return {
        "story_id": f"{split}-{index:05d}",
        "images": images,
        "frame_count": len(images),
        "chain_of_thought": "\n\n".join(thoughts),
        "story": "\n".join(blocks),
    }
