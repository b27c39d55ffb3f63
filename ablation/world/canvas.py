"""Drawing in units: smooth shapes, soft light, film grain. Colours are 0..255 triples."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops, ImageDraw

FRAME = (500, 240)
MARGIN = 20
"""Pixels of plate beyond each edge of the frame, the room of a camera drift."""
PLATE = (FRAME[0] + 2 * MARGIN, FRAME[1] + 2 * MARGIN)

GRAIN_SHIFT = 64

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


UNDER = (66, 54, 48, 0)
"""Its colour shines through half-covered edge pixels."""


@dataclass(frozen=True)
class Layer:
    colours: Image.Image
    alpha: Image.Image


def draw_layer(
    draw: Callable[[Brush], None], origin: Point, unit: float, size: tuple[int, int], *, smoothed: bool = True
) -> Layer:
    """What `draw` paints, anti-aliased by drawing twice as large."""
    scale = 2 if smoothed else 1
    # RGBX: four plain channels; RGBA would be premultiplied and back by reduce, which takes five times as long
    layer = Image.new("RGBX", (size[0] * scale, size[1] * scale), UNDER)
    draw(Brush(layer, (origin[0] * scale, origin[1] * scale), unit * scale))
    layer = layer.reduce(scale) if smoothed else layer
    return Layer(layer.convert("RGB"), layer.getchannel("X"))


@lru_cache(maxsize=64)
def gradient(size: tuple[int, int], first: Colour, second: Colour) -> Image.Image:
    """From `first` at the top to `second` at the bottom."""
    shares = np.linspace(0, 1, size[1])[:, None, None]
    column = np.array(first) * (1 - shares) + np.array(second) * shares
    return Image.fromarray(column.astype(np.uint8)).resize(size)


GRAIN_TILES = 16
GRAIN_REACH = 5
"""Levels that the grain moves a pixel at most; a grade keeps that far from black and white."""


@lru_cache(maxsize=1)
def grain_tiles() -> tuple[Image.Image, ...]:
    """Slightly clumped, modulo 256, to add with add_modulo; larger than the frame by the largest shift."""
    generator = np.random.default_rng(20_240)
    tiles = []
    for _ in range(GRAIN_TILES):
        noise = generator.normal(0, 1, (FRAME[1] + GRAIN_SHIFT, FRAME[0] + GRAIN_SHIFT))
        clumped = 1.7 * (noise + 0.6 * np.roll(noise, 1, 0) + 0.6 * np.roll(noise, 1, 1))
        plane = np.clip(np.round(clumped), -GRAIN_REACH, GRAIN_REACH).astype(np.int8).view(np.uint8)
        tiles.append(Image.merge("RGB", [Image.fromarray(plane)] * 3))
    return tuple(tiles)


def add_grain(image: Image.Image, grain: int) -> Image.Image:
    """`grain` counts tiles and their shifts."""
    tile, shift = grain_tiles()[grain % GRAIN_TILES], grain // GRAIN_TILES
    x, y = shift % GRAIN_SHIFT, shift // GRAIN_SHIFT % GRAIN_SHIFT
    return ImageChops.add_modulo(image, tile.crop((x, y, x + FRAME[0], y + FRAME[1])))


@lru_cache(maxsize=8)
def plaster(size: tuple[int, int]) -> Image.Image:
    """A faint stain for walls and ground, to multiply with."""
    plane = 255 * np.clip(1.14 - 0.46 * _noise(size, 11, ((6, 0.5), (20, 0.3), (70, 0.35))), 0.4, 1)
    return Image.merge("RGB", [Image.fromarray(plane.astype(np.uint8))] * 3)


def _noise(size: tuple[int, int], seed: int, octaves: tuple[tuple[int, float], ...]) -> np.ndarray:
    """Smooth random planes of so many cells down, weighted and added."""
    generator = np.random.default_rng(seed)
    total = np.zeros((size[1], size[0]), np.float32)
    for cells, weight in octaves:
        small = generator.random((cells, cells * 2)).astype(np.float32)
        total += weight * np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC))
    return total


CLOUD_SKIES = 4


@lru_cache(maxsize=8)
def clouds(size: tuple[int, int], number: int) -> Image.Image:
    """An L mask of long soft clouds."""
    noise = _noise(size, 100 + number, ((3, 0.55), (8, 0.3), (22, 0.18)))
    return Image.fromarray((255 * np.clip(3.2 * (noise - 0.5), 0, 0.85)).astype(np.uint8))
