"""What stands out of focus before the lens: dark masses that give a picture depth."""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ablation.world.canvas import FRAME
from ablation.world.state import State

FOREGROUNDS = ("nothing", "frame", "leaves", "rail", "branch", "post")
INDOORS = (1.0, 1.0, 1.0, 1.0, 0.0, 0.0)
"""Which of them can stand in a room, and which in the open."""
OUTDOORS = (1.0, 0.0, 1.0, 1.0, 1.0, 1.0)
DARK = (10, 9, 10)
STEP = 18
"""Pixels that the foreground moves between places in the frame: it is near, so it moves most."""


def paint_foreground(image: Image.Image, state: State) -> None:
    take, venue = state.take, state.venue
    if venue.place.kind == "cabin":
        _dashboard(image, state)
    elif take.kind in ("wide", "two", "empty"):
        name = venue.foregrounds[take.angle]
        if name != "nothing":
            mask = _mask(name, 1 if (venue.seed + take.angle) % 2 else -1, venue.seed % 5)
            shift = STEP * (take.variant % 3 - 1) + 2 * take.drift[0]
            image.paste(DARK, (-shift - PAD, 0), mask)


PAD = 60


@lru_cache(maxsize=40)
def _mask(name: str, side: int, number: int) -> Image.Image:
    """L, wider than the frame by PAD at both edges; drawn at a quarter."""
    width, height = (FRAME[0] + 2 * PAD) // 4, FRAME[1] // 4
    small = Image.new("L", (width, height))
    draw = ImageDraw.Draw(small)
    edge = PAD // 4 + 5 + 3 * number
    generator = np.random.default_rng(number)
    if name == "frame":
        draw.rectangle((0, 0, edge + 8, height), fill=250)
    elif name == "leaves":
        for x, y, turn in generator.random((16, 3)):
            _leaf(draw, edge * x, height * (0.25 + 0.9 * y), 12, turn)
    elif name == "rail":
        draw.polygon((0, height - 9 - number, width, height - 5, width, height, 0, height), fill=250)
    elif name == "branch":
        draw.line((0, 4, edge + 40, 13), fill=250, width=3)
        for x, y, turn in generator.random((22, 3)):
            _leaf(draw, (edge + 34) * x, 20 * y - 3, 9, turn)
    else:
        draw.rectangle((edge - 6, 0, edge + 3, height), fill=250)
    if side > 0:
        small = small.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    soft = small.filter(ImageFilter.BoxBlur(1.6)).filter(ImageFilter.BoxBlur(1.6))
    return soft.resize((FRAME[0] + 2 * PAD, FRAME[1]), Image.Resampling.BILINEAR)


def _leaf(draw: ImageDraw.ImageDraw, x: float, y: float, long: float, turn: float) -> None:
    across, down = np.cos(6.28 * turn), np.sin(6.28 * turn)
    tip = (x + long * across, y + long * down)
    middle = (x + 0.5 * long * across, y + 0.5 * long * down)
    wide = 0.28 * long
    points = ((x, y), (middle[0] - wide * down, middle[1] + wide * across), tip, (middle[0] + wide * down, middle[1] - wide * across))  # fmt: skip
    draw.polygon(points, fill=250)


def _dashboard(image: Image.Image, state: State) -> None:
    """In a car the dashboard and the wheel lie between the camera and the people."""
    if state.take.kind in ("close", "insert", "over"):
        return
    draw = ImageDraw.Draw(image)
    side = 1 if state.take.angle == 1 else -1
    middle = 250 + side * 120
    draw.polygon((0, 240, 0, 214, 120, 202, 380, 202, 500, 214, 500, 240), fill=(12, 11, 12))
    draw.arc((middle - 84, 166, middle + 84, 290), 180, 360, fill=(17, 16, 17), width=9)
