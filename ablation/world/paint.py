"""paint(state) -> picture: plate, people, foreground, grade, grain. Nothing random happens here."""

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from ablation.world.backdrops import whole_plate
from ablation.world.canvas import FRAME, Brush, Colour, add_grain, draw_layer, mix, tone
from ablation.world.cast import CLOTHES, SKINS
from ablation.world.develop import Plate, see
from ablation.world.foreground import paint_foreground
from ablation.world.framing import Box, Placement, clip, drift_pixels, placements, seen_view
from ablation.world.lights import grade_table
from ablation.world.people import paint_person, paste_lit
from ablation.world.props import draw_prop
from ablation.world.state import State

FACE_KINDS = {"close": 3, "over": 2, "medium": 1}
PROP = -1
"""Key of the story's thing in Painting.boxes; people have their index in the cast."""


@dataclass
class Painting:
    image: Image.Image
    boxes: dict[int, Box] = field(default_factory=dict)


def paint(state: State, *, without: Collection[int] = (), grain: bool = True) -> Painting:
    """RGB picture of FRAME size; `without` leaves people of the cast out, to see what they cover."""
    plate = see(whole_plate(state.venue, state.take.angle), seen_view(state))
    painting = Painting(plate.lit)
    if state.take.kind == "insert":
        _paint_insert(painting, state, plate, without)
    else:
        for place in placements(state):
            if place.subject not in without:
                _add_person(painting, state, place, plate)
    paint_foreground(painting.image, state)
    exposure = (
        plate.exposure + state.venue.exposures[state.take.angle] + state.take.flicker + _for_faces(state)
    )
    image = painting.image.point(grade_table(state.venue.light, exposure, plate.contrast))
    painting.image = add_grain(image, state.grain) if grain else image
    return painting


def _for_faces(state: State) -> int:
    """Sixths of a stop that the camera opens for a dark face that fills the frame."""
    take = state.take
    if take.kind not in FACE_KINDS:
        return 0
    skin = SKINS[state.premise.cast[take.subjects[-1]].look.skin][1]
    return FACE_KINDS[take.kind] * (200 - sum(skin) // 3) // 64


def _add_person(painting: Painting, state: State, place: Placement, plate: Plate) -> None:
    box = paint_person(painting.image, plate.light, state, place)
    if box:
        painting.boxes[place.subject] = box
    if place.pose.gesture == "hold" and not place.pose.back:
        half, middle = round(0.62 * place.head), place.y + 2 * place.head
        high, low = middle - round(0.45 * place.head), middle + round(0.45 * place.head)
        painting.boxes.setdefault(PROP, clip((place.x - half, high, place.x + half, low)))


def _paint_insert(painting: Painting, state: State, plate: Plate, without: Collection[int]) -> None:
    """The story's thing on a table, large, with the hand that keeps it."""
    take = state.take
    light = plate.light.resize(FRAME, Image.Resampling.BILINEAR)
    painting.image.paste(ImageChops.multiply(_table(_wood(state)), light), (0, 70), _table_edge())
    x, y = drift_pixels(take)
    size = 62 + 10 * (take.variant // 3) + 2 * take.push
    centre = (250 + 44 * (take.variant % 3 - 1) - x, 138 - y)
    side = 1 if take.variant % 2 else -1
    parts = {PROP: (_draw_thing, (-1.7, -1.2, 1.7, 1.25)), take.subjects[0]: (_draw_hand, _reach(side))}
    for key, (draw, (left, top, right, bottom)) in parts.items():
        if key in without:
            continue
        box = (
            centre[0] + left * size,
            centre[1] + top * size,
            centre[0] + right * size,
            centre[1] + bottom * size,
        )
        window = clip(tuple(round(value) for value in box))
        origin = (centre[0] - window[0], centre[1] - window[1])
        layer = draw_layer(lambda brush, draw=draw: draw(brush, state), origin, size, _extent(window))
        seen = paste_lit(painting.image, layer, plate.light, window, state, size // 2, near=False)
        if seen:
            painting.boxes[key] = seen


def _extent(window: Box) -> tuple[int, int]:
    return window[2] - window[0], window[3] - window[1]


def _reach(side: int) -> tuple[float, float, float, float]:
    """The part of the picture that hand and sleeve can cover."""
    return (0.4, -0.2, 6.0, 3.0) if side > 0 else (-6.0, -0.2, -0.4, 3.0)


def _wood(state: State) -> Colour:
    return mix(tone(state.venue.place.floor, 0.9), (110, 78, 52), 0.5)


def _draw_thing(brush: Brush, state: State) -> None:
    shadow = tone(_wood(state), 0.42)
    brush.ellipse(0.16, 0.94, 1.2, 0.13, shadow)
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
