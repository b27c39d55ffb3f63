"""paint(state) -> picture: plate, people, bloom, grade, grain. Nothing random happens here."""

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from ablation.world.backdrops import key_side, seen_plate
from ablation.world.canvas import FRAME, GRAIN_TILES, MARGIN, Brush, grain_tiles, mix, tone, vignette
from ablation.world.cast import CLOTHES, SKINS
from ablation.world.figure import SOLES, figure_layer
from ablation.world.framing import Box, Placement, clip, drift_pixels, lens, placements
from ablation.world.lights import LIGHTS, grade_table
from ablation.world.parameters import DIALS
from ablation.world.props import draw_prop
from ablation.world.stage import Plate
from ablation.world.state import State

PROP = -1
"""Key of the story's thing in Painting.boxes; people have their index in the cast."""
ALPHA_SEEN = 24
"""An edge fainter than this does not count for a bounding box."""


@dataclass
class Painting:
    image: Image.Image
    boxes: dict[int, Box] = field(default_factory=dict)


def paint(state: State, *, without: Collection[int] = (), grain: bool = True) -> Painting:
    """RGB picture of FRAME size; `without` leaves people of the cast out, to see what they cover."""
    step = DIALS.drift_pixels
    plate = _plate(state, step)
    painting = Painting(plate.lit)
    if state.take.kind == "insert":
        _paint_insert(painting, state, plate, without)
    for place in placements(state, step) if state.take.kind != "insert" else ():
        if place.subject not in without:
            _paint_person(painting, state, place, plate)
    _paint_foreground(painting.image, state)
    painting.image = _grade(painting.image, plate, state, grain)
    return painting


def _plate(state: State, step: int) -> Plate:
    whole = seen_plate(state.venue, state.take.angle, lens(state))
    x, y = drift_pixels(state.take, step)
    box = (MARGIN + x, MARGIN + y, MARGIN + x + FRAME[0], MARGIN + y + FRAME[1])
    return Plate(whole.lit.crop(box), whole.light.crop(box), whole.bloom.crop(box))


def _window(place: Placement) -> Box:
    """The part of the frame that the figure can cover, in pixels of the frame."""
    reach = round((2.45 if place.pose.gesture == "point" else 1.75) * place.head)
    return clip(
        (
            place.x - reach,
            place.y - round(0.9 * place.head),
            place.x + reach,
            place.y + round(7.3 * place.head),
        )
    )


def _paint_person(painting: Painting, state: State, place: Placement, plate: Plate) -> None:
    window = _window(place)
    relative = (window[0] - place.x, window[1] - place.y, window[2] - place.x, window[3] - place.y)
    look = state.premise.cast[place.subject].look
    key = key_side(state.venue, state.take.angle)
    layer = figure_layer(look, place.pose, key, place.head, relative)
    alpha = layer.getchannel("A")
    if state.take.kind == "wide":
        _contact_shadow(painting.image, place)
    rgb = _lit(layer, plate, window, state, place.near)
    if place.near:
        alpha = alpha.filter(ImageFilter.BoxBlur(3))
    painting.image.paste(rgb, window[:2], alpha)
    seen = alpha.point(lambda level: 255 * (level > ALPHA_SEEN)).getbbox()
    if seen:
        left, top = window[:2]
        painting.boxes[place.subject] = (left + seen[0], top + seen[1], left + seen[2], top + seen[3])
    if place.pose.gesture == "hold" and not place.pose.back:
        half, middle = round(0.62 * place.head), place.y + 2 * place.head
        low = middle + round(0.45 * place.head)
        box = clip((place.x - half, middle - round(0.45 * place.head), place.x + half, low))
        painting.boxes.setdefault(PROP, box)


def _lit(layer: Image.Image, plate: Plate, window: Box, state: State, near: bool) -> Image.Image:
    """People stand a little more in the light than the wall behind them; a near one stands in the dark."""
    light = plate.light.crop(window)
    table = _light_table(state.venue.light, near)
    return ImageChops.multiply(layer.convert("RGB"), light.point(table))


@lru_cache(maxsize=32)
def _light_table(name: str, near: bool) -> list[int]:
    low, gain = (0.0, 0.4) if near else (70.0, 1.1)
    floors = (low * (0.35 + share) for share in LIGHTS[name].ambient)
    return [min(255, round(floor + level * gain)) for floor in floors for level in range(256)]


@lru_cache(maxsize=16)
def _soft_oval(across: int, down: int) -> Image.Image:
    oval = Image.new("L", (4 * across, 4 * down))
    ImageDraw.Draw(oval).ellipse((across, down, 3 * across, 3 * down), fill=150)
    return oval.filter(ImageFilter.BoxBlur(max(1, down // 2)))


def _contact_shadow(image: Image.Image, place: Placement) -> None:
    oval = _soft_oval(round(0.9 * place.head), max(3, round(0.22 * place.head)))
    soles = place.y + round((SOLES - 0.1) * place.head)
    image.paste((0, 0, 0), (place.x - oval.width // 2, soles - oval.height // 2), oval)


def _paint_insert(painting: Painting, state: State, plate: Plate, without: Collection[int]) -> None:
    """The story's thing on a table, large, with the hand that keeps it."""
    take = state.take
    table = mix(tone(state.venue.place.floor, 0.9), (110, 78, 52), 0.5)
    wood = ImageChops.multiply(_table(table), plate.light)
    painting.image.paste(wood, (0, 70), _table_edge())
    x, y = drift_pixels(take, DIALS.drift_pixels)
    centre = (250 + 44 * (take.variant % 3 - 1) - x, 138 - y)
    size = 62 + 10 * (take.variant // 3)
    for key, draw in ((PROP, _draw_thing), (take.subjects[0], _draw_hand)):
        if key in without:
            continue
        layer = Image.new("RGBA", (FRAME[0] * 2, FRAME[1] * 2))
        draw(Brush(layer, (centre[0] * 2, centre[1] * 2), size * 2), state)
        layer = layer.reduce(2)
        alpha = layer.getchannel("A")
        painting.image.paste(_lit(layer, plate, (0, 0, *FRAME), state, False), (0, 0), alpha)
        seen = alpha.point(lambda level: 255 * (level > ALPHA_SEEN)).getbbox()
        if seen:
            painting.boxes[key] = seen


def _draw_thing(brush: Brush, state: State) -> None:
    brush.ellipse(0.1, 0.95, 1.35, 0.22, (26, 18, 14))
    draw_prop(brush, state.premise.plot.prop, 0, 0, 0.95)


def _draw_hand(brush: Brush, state: State) -> None:
    look = state.premise.cast[state.take.subjects[0]].look
    skin, cloth = SKINS[look.skin][1], CLOTHES[look.clothes][1]
    side = 1 if state.take.variant % 2 else -1
    wrist, palm = (side * 2.1, 1.05), (side * 1.25, 0.62)
    brush.stroke(((side * 4.6, 2.4), wrist), 0.95, tone(cloth, 0.8))
    brush.stroke(((side * 2.16, 1.09), (side * 2.0, 1.0)), 0.8, tone(look and CLOTHES[look.inner][1], 0.9))
    brush.stroke((wrist, palm), 0.56, tone(skin, 0.85))
    for finger in range(4):
        root = (side * (1.2 - 0.02 * finger), 0.42 + 0.16 * finger)
        joint = (side * (0.95 - 0.03 * finger), 0.26 + 0.17 * finger)
        tip = (side * (0.62 - 0.05 * (finger in (1, 2))), 0.27 + 0.17 * finger)
        brush.stroke((root, joint, tip), 0.16, tone(skin, 0.98 - 0.06 * finger))
        brush.ellipse(tip[0], tip[1] - 0.01, 0.05, 0.04, tone(skin, 1.15))
    brush.stroke(((side * 1.3, 0.4), (side * 1.0, 0.12), (side * 0.72, 0.08)), 0.18, skin)


@lru_cache(maxsize=16)
def _table(colour: tuple[int, int, int]) -> Image.Image:
    table = Image.new("RGB", FRAME, colour)
    draw = ImageDraw.Draw(table)
    for row in range(26):
        y = round(240 * (row / 26) ** 1.5)
        draw.line(
            (0, y, FRAME[0], y + 5 * (row % 3) - 5),
            fill=tone(colour, 0.8 + 0.08 * (row % 4)),
            width=1 + row // 6,
        )
    return table


@lru_cache(maxsize=1)
def _table_edge() -> Image.Image:
    mask = Image.new("L", FRAME, 255)
    ImageDraw.Draw(mask).rectangle((0, 0, FRAME[0], 4), fill=0)
    return mask.filter(ImageFilter.BoxBlur(4))


def _paint_foreground(image: Image.Image, state: State) -> None:
    """In a car the dashboard and the wheel lie between the camera and the people."""
    if state.venue.place.kind != "cabin" or state.take.kind in ("close", "insert", "over"):
        return
    draw = ImageDraw.Draw(image)
    side = 1 if state.take.angle == 1 else -1
    middle = 250 + side * 120
    draw.polygon((0, 240, 0, 214, 120, 202, 380, 202, 500, 214, 500, 240), fill=(12, 11, 12))
    draw.arc((middle - 84, 166, middle + 84, 290), 180, 360, fill=(17, 16, 17), width=9)


def _grade(image: Image.Image, plate: Plate, state: State, grain: bool) -> Image.Image:
    image = ImageChops.screen(image, plate.bloom)
    image = ImageChops.multiply(image, vignette())
    image = image.point(grade_table(state.venue.light))
    if not grain:
        return image
    number, shift = state.grain % GRAIN_TILES, state.grain // GRAIN_TILES
    tile = ImageChops.offset(grain_tiles()[number], shift % FRAME[0], shift % FRAME[1])
    return ImageChops.add(image, tile, 1, -128)
