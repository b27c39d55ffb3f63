"""People set into the picture: lit by the place they stand in, with an edge of light and a shadow at the feet."""

from functools import lru_cache

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from ablation.world.backdrops import key_side
from ablation.world.canvas import FRAME, Colour, Layer, mix
from ablation.world.figure import SOLES, figure_layer
from ablation.world.framing import Box, Placement, clip
from ablation.world.lights import LIGHTS
from ablation.world.shadows import figure_share
from ablation.world.state import State

ALPHA_SEEN = 24
"""An edge fainter than this does not count for a bounding box."""
COARSE = 4
REACH = {"point": 2.45, "open": 1.75}
"""Heads that a gesture takes to either side."""


def paint_person(image: Image.Image, light: Image.Image, state: State, place: Placement) -> Box | None:
    """Onto `image`; `light` is the view's coarse light. The box of what the person covers."""
    window = _window(place)
    if window[0] >= window[2] or window[1] >= window[3]:
        return None
    relative = (window[0] - place.x, window[1] - place.y, window[2] - place.x, window[3] - place.y)
    look, key = state.premise.cast[place.subject].look, key_side(state.venue, state.take.angle)
    layer = figure_layer(look, place.pose, key, place.head, relative)
    if state.take.kind == "wide":
        _contact_shadow(image, place)
    return paste_lit(image, layer, light, window, state, place.head, near=place.near)


def paste_lit(
    image: Image.Image, layer: Layer, light: Image.Image, window: Box, state: State, head: int, *, near: bool
) -> Box | None:
    """The layer in the light of its place, onto the window of the frame."""
    covered = layer.alpha.getbbox()
    if covered is None:
        return None
    layer = Layer(layer.colours.crop(covered), layer.alpha.crop(covered))
    left, top = window[0] + covered[0], window[1] + covered[1]
    window = (left, top, window[0] + covered[2], window[1] + covered[3])
    key = key_side(state.venue, state.take.angle)
    pattern = state.venue.patterns[state.take.angle]
    fall = _fall(layer.alpha, light, window, light_table(state.venue.light, pattern, near), key)
    shaded = ImageChops.multiply(layer.colours, fall.resize(layer.alpha.size, Image.Resampling.BILINEAR))
    rim = _rim(layer.alpha, key, max(2, head // 22), 1.5 if pattern == "back" else 2.4)
    shaded.paste(rim_colour(state.venue.light), (0, 0), rim)
    alpha = layer.alpha.filter(ImageFilter.BoxBlur(3)) if near else layer.alpha
    image.paste(shaded, window[:2], alpha)
    seen = alpha.point(SEEN).getbbox()
    if seen is None:
        return None
    return left + seen[0], top + seen[1], left + seen[2], top + seen[3]


SEEN = [255 * (level > ALPHA_SEEN) for level in range(256)]


def _window(place: Placement) -> Box:
    """The part of the frame that the figure can cover, in pixels of the frame."""
    reach = round(REACH.get(place.pose.gesture, 1.5) * place.head)
    top, bottom = place.y - round(0.9 * place.head), place.y + round(7.3 * place.head)
    return clip((place.x - reach, top, place.x + reach, bottom))


def _fall(alpha: Image.Image, light: Image.Image, window: Box, table: list[int], key: int) -> Image.Image:
    """Coarse: the light of the place times the roundness of the body, full on the key side."""
    small = alpha.reduce(COARSE)
    reach = max(2, small.width // 14)
    soft = small.filter(ImageFilter.BoxBlur(reach))
    shifted = ImageChops.offset(soft, key * reach, reach // 2)
    relief = ImageChops.subtract(soft, shifted, scale=1.5, offset=176)
    share = light.width / FRAME[0]
    left, top, right, bottom = (value * share for value in window)
    box = (left, top, min(light.width, right), min(light.height, bottom))
    falling = light.resize(small.size, Image.Resampling.BILINEAR, box=box).point(table)
    return ImageChops.multiply(falling, Image.merge("RGB", [relief] * 3))


def _rim(alpha: Image.Image, key: int, width: int, scale: float) -> Image.Image:
    """The thin edge of light on the key side that lifts a figure off its background."""
    inside = ImageChops.offset(alpha.filter(ImageFilter.BoxBlur(width / 3)), -key * width, width // 2)
    return ImageChops.subtract(alpha, inside, scale=scale)


@lru_cache(maxsize=32)
def rim_colour(light: str) -> Colour:
    key = LIGHTS[light].key
    tint = tuple(round(255 * share / max(key)) for share in key)
    return mix((255, 246, 232), tint, 0.6)


@lru_cache(maxsize=128)
def light_table(light: str, pattern: str, near: bool) -> list[int]:
    """People stand a little more in the light than the wall behind them; a near one stands in the dark."""
    share = figure_share(pattern)
    low, gain = (6.0, 0.34 * share) if near else (84.0 * share, 1.05 * share)
    floors = [low * (0.3 + ambient) for ambient in LIGHTS[light].ambient]
    return [min(255, round(floor + level * gain)) for floor in floors for level in range(256)]


@lru_cache(maxsize=16)
def _soft_oval(across: int, down: int) -> Image.Image:
    oval = Image.new("L", (4 * across, 4 * down))
    ImageDraw.Draw(oval).ellipse((across, down, 3 * across, 3 * down), fill=150)
    return oval.filter(ImageFilter.BoxBlur(max(1, down // 2)))


def _contact_shadow(image: Image.Image, place: Placement) -> None:
    oval = _soft_oval(round(0.75 * place.head), max(2, round(0.14 * place.head)))
    soles = place.y + round((SOLES - 0.12) * place.head)
    image.paste((0, 0, 0), (place.x - oval.width // 2, soles - oval.height // 2), oval)
