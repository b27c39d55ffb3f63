"""Drawing in units: smooth shapes, soft light, film grain. Colours are 0..255 triples."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

FRAME = (500, 240)
MARGIN = 12
"""Pixels of plate beyond each edge of the frame, the room of a camera drift."""
PLATE = (FRAME[0] + 2 * MARGIN, FRAME[1] + 2 * MARGIN)

Colour = tuple[int, int, int]
Point = tuple[float, float]


def tone(colour: Sequence[int], factor: float) -> Colour:
    red, green, blue = (min(255, max(0, int(channel * factor))) for channel in colour)
    return red, green, blue


def mix(first: Sequence[int], second: Sequence[int], share: float) -> Colour:
    """`share` 0 is the first colour, 1 the second."""
    red, green, blue = (int(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


@lru_cache(maxsize=8192)
def smooth(points: tuple[Point, ...], rounds: int = 2) -> tuple[Point, ...]:
    """Chaikin's corner cutting of a closed polygon."""
    for _ in range(rounds):
        cut = []
        for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1], strict=True):
            cut.append((0.75 * x0 + 0.25 * x1, 0.75 * y0 + 0.25 * y1))
            cut.append((0.25 * x0 + 0.75 * x1, 0.25 * y0 + 0.75 * y1))
        points = tuple(cut)
    return points


class Brush:
    """Draws on an image in units of `unit` pixels around `origin` (pixels)."""

    def __init__(self, image: Image.Image, origin: Point, unit: float) -> None:
        self.draw = ImageDraw.Draw(image)
        self.origin = origin
        self.unit = unit

    def _flat(self, points: Sequence[Point]) -> list[float]:
        (left, top), unit = self.origin, self.unit
        return [value for x, y in points for value in (left + x * unit, top + y * unit)]

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        self.draw.polygon(self._flat(points), fill=colour)

    def blob(self, points: Sequence[Point], colour: Colour) -> None:
        self.draw.polygon(self._flat(smooth(tuple(points))), fill=colour)

    def ellipse(self, x: float, y: float, across: float, down: float, colour: Colour) -> None:
        """`across` and `down` are the half axes."""
        box = self._flat(((x - across, y - down), (x + across, y + down)))
        self.draw.ellipse(box, fill=colour)

    def stroke(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        pixels = max(1, round(width * self.unit))
        flat = self._flat(points)
        self.draw.line(flat, fill=colour, width=pixels, joint="curve")
        if pixels > 5:
            half = pixels / 2
            for x, y in ((flat[0], flat[1]), (flat[-2], flat[-1])):
                self.draw.ellipse((x - half, y - half, x + half, y + half), fill=colour)


@lru_cache(maxsize=32)
def ramp(size: tuple[int, int], sideways: bool = False) -> Image.Image:
    """An L mask from 0 (top or left) to 255."""
    steps = np.linspace(0, 255, size[0] if sideways else size[1]).astype(np.uint8)
    plane = np.broadcast_to(steps[None, :] if sideways else steps[:, None], (size[1], size[0]))
    return Image.fromarray(np.ascontiguousarray(plane))


def gradient(size: tuple[int, int], first: Colour, second: Colour) -> Image.Image:
    """From `first` at the top to `second` at the bottom."""
    shares = np.linspace(0, 1, size[1])[:, None, None]
    column = np.array(first) * (1 - shares) + np.array(second) * shares
    return Image.fromarray(column.astype(np.uint8)).resize(size)


GRAIN_TILES = 16


@lru_cache(maxsize=1)
def grain_tiles() -> tuple[Image.Image, ...]:
    """Neutral at 128, slightly clumped, larger than the frame so that an offset gives another grain."""
    generator = np.random.default_rng(20_240)
    tiles = []
    for _ in range(GRAIN_TILES):
        noise = generator.normal(0, 1, (FRAME[1], FRAME[0]))
        clumped = noise + 0.6 * np.roll(noise, 1, 0) + 0.6 * np.roll(noise, 1, 1)
        plane = np.clip(128 + 3.6 * clumped, 0, 255).astype(np.uint8)
        tiles.append(Image.merge("RGB", [Image.fromarray(plane)] * 3))
    return tuple(tiles)


@lru_cache(maxsize=1)
def vignette() -> Image.Image:
    y, x = np.mgrid[0 : FRAME[1], 0 : FRAME[0]]
    distance = ((x / FRAME[0] - 0.5) / 0.62) ** 2 + ((y / FRAME[1] - 0.5) / 0.66) ** 2
    plane = (255 * np.clip(1.04 - 0.55 * distance, 0.3, 1)).astype(np.uint8)
    return Image.merge("RGB", [Image.fromarray(plane)] * 3)


@lru_cache(maxsize=8)
def plaster(size: tuple[int, int]) -> Image.Image:
    """A faint stain for walls and ground, to multiply with."""
    generator = np.random.default_rng(11)
    total = np.zeros((size[1], size[0]))
    for cells, weight in ((6, 0.5), (20, 0.3), (70, 0.35)):
        small = generator.random((cells, cells * 2)).astype(np.float32)
        total += weight * np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC))
    plane = (255 * np.clip(1.12 - 0.42 * total, 0.4, 1)).astype(np.uint8)
    return Image.merge("RGB", [Image.fromarray(plane)] * 3)
