"""A story to try a model with: of the embedded world, and in neither of its splits."""

import re

from PIL import Image

from ablation.world.grammar import describe
from ablation.world.paint import paint
from ablation.world.story import jpeg, plan_story

TAGS = re.compile(r"</?gd\w[^>]*>")
FRAMES = 4


def example_story(size: tuple[int, int] | None = None, number: int = 3) -> tuple[list[bytes], list[str]]:
    """Four frames as JPEG, full-size if no width and height are given, and their descriptions."""
    states = plan_story(0, "example", number)[:FRAMES]
    frames = [paint(state).image for state in states]
    if size:
        frames = [frame.resize(size, Image.Resampling.LANCZOS) for frame in frames]
    return [jpeg(frame) for frame in frames], [TAGS.sub("", describe(state)) for state in states]
