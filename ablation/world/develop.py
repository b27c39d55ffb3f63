"""From a painted stage to what the lens sees: light on colours, glow, depth of field."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from ablation.world.canvas import FRAME, MARGIN, PLATE, plaster, tone
from ablation.world.lights import STOPS, film
from ablation.world.parameters import DIALS
from ablation.world.shadows import SHAFTS, key_share
from ablation.world.stage import SIZE, Stage

COARSE = 5
"""Pixels of a plate to one of its light map."""
GLOW = 6
METER_LEVEL = 0.151
"""Mean brightness in the print that the camera's meter aims at."""
METER_NEUTRAL = -6
METER_STEPS = np.arange(-16, 17)
FULL_CONTRAST = 0.7
"""Spread of a view's levels over their mean from which on it needs no help."""


@dataclass(frozen=True)
class Plate:
    """A background as it is lit, and the light that people in front of it get (coarse)."""

    lit: Image.Image
    light: Image.Image
    exposure: int = 0
    """What the camera's meter asks for, in sixths of a stop."""
    contrast: int = 0
    """Steps that a flat view is steepened by."""


@dataclass(frozen=True)
class View:
    """What a lens sees of a plate: `corner` and `span` are shares of the plate, `blur` is in pixels of the frame."""

    corner: tuple[float, float]
    span: tuple[float, float]
    blur: float


def view(centre: tuple[float, float], zoom: float, blur: float, drift: tuple[int, int]) -> View:
    """`centre` as a share of the plate, `drift` in pixels of the frame, at most MARGIN."""
    corner = [
        min(max(middle - 0.5 / zoom, 0), 1 - 1 / zoom) + (MARGIN + moved) / (whole * zoom)
        for middle, moved, whole in zip(centre, drift, PLATE, strict=True)
    ]
    span = [seen / (whole * zoom) for seen, whole in zip(FRAME, PLATE, strict=True)]
    return View((corner[0], corner[1]), (span[0], span[1]), blur)


def develop(stage: Stage, pattern: str, seed: int, *, indoors: bool) -> Plate:
    light = _light_map(stage, pattern, seed)
    stained = ImageChops.multiply(light, plaster(light.size))
    plate = ImageChops.multiply(stage.plate, stained.resize(SIZE, Image.Resampling.BILINEAR))
    lit = ImageChops.lighter(plate, stage.shine)
    glow = _glow(stage, pattern, indoors)
    lit = ImageChops.screen(lit, glow.resize(SIZE, Image.Resampling.BILINEAR))
    if stage.light_name == "rain" and not indoors:
        _rain(lit, stage)
    return Plate(lit, light)


def _light_map(stage: Stage, pattern: str, seed: int) -> Image.Image:
    width, height = SIZE[0] // COARSE, SIZE[1] // COARSE
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / width, y / height
    share = key_share(pattern, x, y, stage.key, seed)
    total = np.array(stage.light.ambient, np.float32) + share[..., None] * np.array(
        stage.light.key, np.float32
    )
    for centre_x, centre_y, radius, colour, strength in stage.pools:
        distance = ((x - centre_x) * SIZE[0] / SIZE[1]) ** 2 + (y - centre_y) ** 2
        fall = strength * np.exp(-distance / (radius * radius))
        total += fall[..., None] * (np.array(colour, np.float32) / 255)
    return Image.fromarray((255 * np.clip(total, 0, 1)).astype(np.uint8))


def _glow(stage: Stage, pattern: str, indoors: bool) -> Image.Image:
    """Light that spills from what shines, near and far, and stands in the air; coarse."""
    small = stage.shine.reduce(GLOW)
    near = small.filter(ImageFilter.BoxBlur(3)).point([level * 10 // 28 for level in range(256)] * 3)
    if indoors and pattern in SHAFTS and stage.light.key[0] > 0.4:
        _shaft(small, stage)
    far = small.filter(ImageFilter.BoxBlur(14)).point([level * 10 // 30 for level in range(256)] * 3)
    return ImageChops.screen(near, far)


def _shaft(small: Image.Image, stage: Stage) -> None:
    """A beam from the upper corner of the key side down to the floor."""
    width, height = small.size
    colour = tone([round(255 * share) for share in stage.light.key], 0.6)
    start = width * (0.5 + 0.5 * stage.key)
    foot = width * (0.5 - 0.1 * stage.key)
    spread = 0.16 * width
    points = (start - spread, 0, start + spread, 0, foot + 1.3 * spread, height, foot - 1.3 * spread, height)
    ImageDraw.Draw(small).polygon(points, fill=colour)


def _rain(lit: Image.Image, stage: Stage) -> None:
    draw = ImageDraw.Draw(lit, "RGBA")
    for x, y, length in stage.generator.random((150, 3)):
        left, top, long = x * SIZE[0], y * SIZE[1], 10 + 24 * length
        draw.line((left, top, left - 0.18 * long, top + long), fill=(214, 226, 236, 60))


def see(plate: Plate, seen: View) -> Plate:
    """The part in view at FRAME size, out of focus where the lens says so."""
    lit, light = (_part(picture, seen) for picture in (plate.lit, plate.light))
    coarse = plate.light.resize((FRAME[0] // 8, FRAME[1] // 8), Image.Resampling.BILINEAR, box=light)
    if seen.blur < 2:
        sharp = plate.lit.resize(FRAME, Image.Resampling.BILINEAR, box=lit)
        return _metered(sharp, coarse, sharp)
    factor = 4 if seen.blur >= 5 else 2
    small = plate.lit.resize((FRAME[0] // factor, FRAME[1] // factor), Image.Resampling.BOX, box=lit)
    for _ in range(2):
        small = small.filter(ImageFilter.BoxBlur(seen.blur / factor))
    return _metered(small.resize(FRAME, Image.Resampling.BILINEAR), coarse, small)


@lru_cache(maxsize=1)
def _prints() -> np.ndarray:
    """(256, steps) brightness in the print of every level at every exposure of the meter."""
    return film(np.arange(256)[:, None] / 255 * 2 ** (METER_STEPS / STOPS))


def _metered(sharp: Image.Image, light: Image.Image, seen: Image.Image) -> Plate:
    """A cameraman who meets the light more than half way: nights stay dark, flat views get contrast."""
    levels = np.asarray(seen.resize((25, 12), Image.Resampling.NEAREST).convert("L")).ravel()
    prints = _prints()[levels].mean(axis=0)
    asked = int(METER_STEPS[np.abs(prints - METER_LEVEL).argmin()]) - METER_NEUTRAL
    exposure = METER_NEUTRAL + round(asked * (DIALS.metering_up if asked > 0 else DIALS.metering_down))
    flat = 1 - float(levels.std() / max(levels.mean(), 1)) / FULL_CONTRAST
    return Plate(sharp, light, exposure, max(0, round(3 * flat)))


def _part(picture: Image.Image, seen: View) -> tuple[float, float, float, float]:
    left, top = seen.corner[0] * picture.width, seen.corner[1] * picture.height
    right, bottom = left + seen.span[0] * picture.width, top + seen.span[1] * picture.height
    return left, top, min(right, picture.width), min(bottom, picture.height)
