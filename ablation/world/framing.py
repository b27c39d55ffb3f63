"""Geometry of a shot: where the heads are, which part of the plate is seen, which things are in view."""

from dataclasses import dataclass

from ablation.world.canvas import FRAME, MARGIN, PLATE
from ablation.world.develop import View, view
from ablation.world.figure import SOLES, Pose
from ablation.world.parameters import DIALS
from ablation.world.places import EXTENTS, THINGS
from ablation.world.state import State, Take

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the frame."""

WIDE_HEADS = (25, 30, 36)
"""Pixels: whole figures, feet at the edge, cut at the shins."""
PUSH = 0.03
"""How much larger a step of the push makes the picture."""
SMALLEST_THING = 900
"""Square pixels that must be in view for a thing to be mentioned."""


@dataclass(frozen=True)
class Placement:
    subject: int
    pose: Pose
    x: int
    y: int
    """Middle of the head, pixels of the frame."""
    head: int
    """Height of the head in pixels."""
    near: bool = False
    """A dark, soft foreground figure."""


@dataclass(frozen=True)
class Lens:
    centre: tuple[float, float]
    zoom: float
    blur: float


LENSES = {
    # height of the centre on the plate, zoom, blur in pixels of the frame
    "wide": (0.5, 1.1, 0.0), "empty": (0.5, 1.25, 0.0), "two": (0.44, 1.4, 1.0), "medium": (0.42, 1.7, 2.5),
    "over": (0.4, 1.9, 3.0), "close": (0.36, 2.8, 6.0), "insert": (0.8, 3.0, 7.0),
}  # fmt: skip
ZOOMS = {"wide": 0.11, "empty": 0.2, "two": 0.12, "medium": 0.11, "over": 0.11, "close": 0.09, "insert": 0.1}
"""Change of the zoom from one size of a shot to the next."""


def lens(take: Take, side: int) -> Lens:
    """Depth of field grows with the focal length; the centre follows the side of the subject."""
    size, across = take.variant // 3 - 1, take.variant % 3 - 1
    middle, zoom, blur = LENSES[take.kind]
    centre = (0.5 - 0.12 * side + 0.11 * across / zoom, middle + 0.08 * size / zoom)
    return Lens(centre, zoom * (1 + ZOOMS[take.kind] * size), blur)


def lens_of(state: State) -> Lens:
    take = state.take
    return lens(take, _side(state, take.subjects[-1]) if take.subjects else 0)


def seen_view(state: State) -> View:
    """The lens with the camera's momentary drift and its slow push toward the subject."""
    look = lens_of(state)
    return view(look.centre, look.zoom * push_factor(state.take), look.blur, drift_pixels(state.take))


def push_factor(take: Take) -> float:
    return 1 + PUSH * take.push


def _side(state: State, subject: int) -> int:
    """-1 for people on the left half of the room, 1 for the right, 0 for one alone."""
    present = state.scene.present
    if len(present) < 2 or subject not in present:
        return 0
    return -1 if present.index(subject) < len(present) / 2 else 1


def drift_pixels(take: Take) -> tuple[int, int]:
    limit = MARGIN - 1
    x, y = (max(-limit, min(limit, value * DIALS.drift_pixels)) for value in take.drift)
    return x, y


def placements(state: State) -> list[Placement]:
    """From far to near."""
    take = state.take
    drift_x, drift_y = drift_pixels(take)
    nearer = push_factor(take)
    placed = []
    for order, (subject, pose) in enumerate(zip(take.subjects, take.poses, strict=True)):
        x, y, head = _spot(state, order, subject)
        near = take.kind == "over" and order == 0
        reach = 2.0 if near else 1.0
        x = round(250 + (x - 250) * nearer + pose.sway * head / 100 - reach * drift_x)
        y = round(120 + (y - 120) * nearer - reach * drift_y)
        placed.append(Placement(subject, pose, x, y, round(head * nearer), near))
    return sorted(placed, key=lambda place: (place.near, place.head))


def _spot(state: State, order: int, subject: int) -> tuple[int, int, int]:
    take = state.take
    count, size, across = len(take.subjects), take.variant // 3 - 1, take.variant % 3 - 1
    tall = state.premise.cast[subject].look.height
    if take.kind == "wide":
        head = round(WIDE_HEADS[size + 1] * tall)
        x = 250 + round((order - (count - 1) / 2) * 3.6 * head) + 64 * across
        soles = round((FRAME[1] - 8, FRAME[1] + 4, FRAME[1] + 56)[size + 1])
        return x, soles - round(SOLES * head) + 3 * (order % 2), head
    if take.kind == "two":
        head = round((56 if count == 2 else 48) * (1 + 0.12 * size) * tall)
        spread = 190 if count == 2 else 142
        x = 250 + round((order - (count - 1) / 2) * spread) + 26 * across
        return x, round(104 - 22 * tall - 4 * size), head
    if take.kind == "over":
        side = _side(state, subject) or 1
        if order == 0:
            return 250 + side * (190 + 34 * across), 138, round(190 * (1 + 0.1 * size))
        return 250 + side * (66 - 18 * across), 88, round(78 * (1 + 0.12 * size) * tall)
    side = _side(state, subject)
    if take.kind == "close":
        head = round(152 * (1 + 0.09 * size))
        return 250 + side * 58 + 18 * across, 116 + 5 * size, head
    head = round(68 * (1 + 0.11 * size) * tall)
    return 250 + side * 74 + 28 * across, 84, head


@dataclass(frozen=True)
class Thing:
    element: str
    box: Box

    @property
    def noun(self) -> str:
        return THINGS[self.element][0]


def things_in_view(state: State) -> list[Thing]:
    """Painted elements of the plate with a name, of which enough is inside the frame."""
    look = lens_of(state)
    if state.take.kind == "insert":
        return []
    width = 1 / look.zoom
    left = min(max(look.centre[0] - width / 2, 0), 1 - width)
    top = min(max(look.centre[1] - width / 2, 0), 1 - width)
    found: dict[str, Thing] = {}
    for element, x, wide in state.venue.place.angles[state.take.angle]:
        if element not in EXTENTS or element in found:
            continue
        before, high, after, low = EXTENTS[element]
        box = _to_frame((x - before, high, x + wide + after, low), (left, top), look.zoom)
        if (box[2] - box[0]) * (box[3] - box[1]) >= SMALLEST_THING:
            found[element] = Thing(element, box)
    return list(found.values())


def _to_frame(shares: tuple[float, float, float, float], corner: tuple[float, float], zoom: float) -> Box:
    """Shares of the plate to pixels of the frame, at the middle position of the camera."""
    left, top = (
        round((value - origin) * zoom * size - MARGIN)
        for value, origin, size in zip(shares[:2], corner, PLATE, strict=True)
    )
    right, bottom = (
        round((value - origin) * zoom * size - MARGIN)
        for value, origin, size in zip(shares[2:], corner, PLATE, strict=True)
    )
    return clip((left, top, right, bottom))


def clip(box: tuple[int, int, int, int]) -> Box:
    """An empty box collapses to zero area at the border."""
    left, right = (min(max(value, 0), FRAME[0]) for value in (box[0], box[2]))
    top, bottom = (min(max(value, 0), FRAME[1]) for value in (box[1], box[3]))
    return left, top, max(left, right), max(top, bottom)
