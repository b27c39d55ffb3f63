"""People, painted in units of their head height. The origin is the middle of the head, the soles are at y = 7."""

from dataclasses import dataclass

from ablation.world.canvas import Brush, Colour, Layer, Point, draw_layer, mix, tone
from ablation.world.cast import CLOTHES, SKINS, Look
from ablation.world.face import EXPRESSIONS, Head
from ablation.world.hair import draw_back_of_head, draw_hair_behind, draw_head

SOLES = 7.0
ARMS: dict[str, tuple[tuple[Point, Point], tuple[Point, Point]]] = {
    # elbow and hand of the left arm of the picture, then of the right arm
    "stand": (((-1.08, 2.15), (-0.98, 3.25)), ((1.08, 2.15), (0.98, 3.25))),
    "walk": (((-1.12, 2.1), (-0.8, 3.05)), ((1.1, 2.1), (1.25, 3.1))),
    "cross": (((-1.12, 2.0), (0.45, 1.95)), ((1.12, 2.05), (-0.4, 2.15))),
    "phone": (((-1.08, 2.15), (-0.95, 3.2)), ((1.15, 1.7), (0.46, 0.22))),
    "point": (((-1.08, 2.15), (-0.95, 3.2)), ((1.35, 1.35), (2.15, 0.95))),
    "hold": (((-1.1, 2.2), (-0.5, 2.42)), ((1.1, 2.2), (0.5, 2.42))),
    "cup": (((-1.05, 2.2), (-0.6, 3.0)), ((1.05, 1.95), (0.34, 1.35))),
    "chin": (((-1.0, 2.1), (0.5, 2.3)), ((0.95, 2.0), (0.2, 0.68))),
    "open": (((-1.2, 1.95), (-1.35, 1.35)), ((1.2, 1.95), (1.4, 1.4))),
    "pockets": (((-1.22, 2.15), (-0.78, 2.95)), ((1.22, 2.15), (0.78, 2.95))),
}
HELD_SIZE = 0.38
SOFT_HEAD = 180
"""Pixels: heads from this size on are out of focus and need no anti-aliasing."""


@dataclass(frozen=True)
class Pose:
    gesture: str = "stand"
    turn: float = 0.0
    expression: str = "calm"
    speaking: bool = False
    back: bool = False
    sway: int = 0
    """Small motion of the body between near-identical frames, in hundredths of a head."""
    held: str = ""
    """Name of the thing in the hand, see props.py."""


@dataclass(frozen=True)
class Garb:
    coat: Colour
    shade: Colour
    shirt: Colour
    trousers: Colour
    skin: Colour


def _garb(look: Look) -> Garb:
    coat = CLOTHES[look.clothes][1]
    trousers = tone(mix(coat, (44, 46, 58), 0.75), 0.9)
    return Garb(coat, tone(coat, 0.76), CLOTHES[look.inner][1], trousers, SKINS[look.skin][1])


def _legs(brush: Brush, look: Look, garb: Garb, stride: float) -> None:
    hip = 0.56 * look.build
    for side, shift in ((-1, -stride), (1, stride)):
        foot = side * 0.36 + shift
        brush.polygon(((side * hip, 3.0), (side * 0.0, 3.1), (foot - side * 0.16, 6.75), (foot + side * 0.2, 6.75), (side * hip * 1.05, 4.2)),
                      tone(garb.trousers, 1.0 if side > 0 else 0.8))  # fmt: skip
        brush.ellipse(foot + side * 0.12, 6.86, 0.27, 0.13, (26, 22, 22))


def _torso(brush: Brush, look: Look, garb: Garb, key: int) -> None:
    wide = 0.98 * look.build
    hem = {"coat": 4.6, "dress": 4.9}.get(look.garment, 3.25)
    flare = {"coat": 0.86, "dress": 1.0}.get(look.garment, 0.68) * look.build
    waist = (0.6 if look.sex == "woman" else 0.7) * look.build
    right = ((0.2, 0.62), (wide * 0.62, 0.82), (wide * 0.98, 1.02), (wide, 1.5), (waist, 2.5), (flare, hem))
    left = tuple((-x, y) for x, y in reversed(right))
    brush.blob(right + left, garb.coat)
    dark = tuple(
        (-key * x, y)
        for x, y in (
            (wide * 0.3, 0.8),
            (wide * 0.9, 1.0),
            (wide * 0.96, 1.5),
            (waist, 2.5),
            (flare, hem),
            (flare * 0.35, hem),
            (0.2, 2.2),
            (0.3, 1.3),
        )
    )
    brush.blob(dark, garb.shade)


def _front(brush: Brush, look: Look, garb: Garb, lean: float) -> None:
    """What shows at the chest: lapels and shirt, a neckline, or buttons."""
    if look.garment in ("jacket", "coat"):
        brush.polygon(((lean - 0.26, 0.7), (lean + 0.26, 0.7), (lean, 1.95)), garb.shirt)
        brush.polygon(((lean - 0.05, 0.86), (lean + 0.05, 0.86), (lean + 0.07, 1.5), (lean, 1.68), (lean - 0.07, 1.5)),
                      tone(garb.coat, 0.7) if look.sex == "man" else garb.shirt)  # fmt: skip
        for side in (-1, 1):
            lapel = (
                (lean + side * 0.24, 0.64),
                (lean + side * 0.46, 0.98),
                (lean + side * 0.32, 1.2),
                (lean, 2.0),
                (lean + side * 0.1, 1.5),
            )
            brush.polygon(lapel, tone(garb.coat, 1.25 if side > 0 else 0.8))
        brush.stroke(((lean, 2.0), (lean, 3.1)), 0.03, tone(garb.coat, 0.5))
    elif look.garment == "shirt":
        brush.polygon(((lean - 0.24, 0.62), (lean + 0.24, 0.62), (lean, 0.98)), tone(garb.skin, 0.78))
        for side in (-1, 1):
            brush.polygon(
                ((lean + side * 0.24, 0.58), (lean + side * 0.34, 0.86), (lean, 1.0)), tone(garb.coat, 1.2)
            )
        brush.stroke(((lean, 1.0), (lean, 3.2)), 0.03, tone(garb.coat, 0.6))
    else:
        brush.blob(
            ((lean - 0.3, 0.66), (lean + 0.3, 0.66), (lean + 0.2, 0.95), (lean - 0.2, 0.95)),
            tone(garb.skin, 0.82),
        )


def _neck(brush: Brush, look: Look, garb: Garb, turn: float, key: int) -> None:
    wide = 0.23 if look.sex == "man" else 0.18
    brush.polygon(
        ((-wide, 0.3), (wide, 0.3), (wide * 1.25, 0.82), (-wide * 1.25, 0.82)), tone(garb.skin, 0.74)
    )
    brush.polygon(
        ((-wide, 0.35), (wide, 0.35), (wide * 1.1, 0.62), (turn * 0.1, 0.7), (-wide * 1.1, 0.52)),
        tone(garb.skin, 0.5),
    )
    brush.polygon(
        ((key * wide * 0.4, 0.6), (key * wide, 0.45), (key * wide * 1.2, 0.82), (key * wide * 0.5, 0.82)),
        tone(garb.skin, 0.88),
    )


def _hand(brush: Brush, at: Point, elbow: Point, skin: Colour) -> None:
    (x, y), (from_x, from_y) = at, elbow
    length = max(0.01, ((x - from_x) ** 2 + (y - from_y) ** 2) ** 0.5)
    along = ((x - from_x) / length, (y - from_y) / length)
    tip = (x + along[0] * 0.2, y + along[1] * 0.2)
    brush.stroke((at, tip), 0.24, tone(skin, 0.92))
    brush.stroke(
        ((x - along[1] * 0.1, y + along[0] * 0.1), (tip[0] - along[1] * 0.16, tip[1] + along[0] * 0.16)),
        0.08,
        tone(skin, 0.8),
    )


def _arm(brush: Brush, look: Look, garb: Garb, joints: tuple[Point, Point], lit: bool) -> None:
    side = 1 if joints[0][0] > 0 else -1
    (elbow_x, elbow_y), hand = joints
    shoulder = (side * 0.86 * look.build, 1.14)
    elbow = (elbow_x * look.build, elbow_y)
    colour = tone(garb.coat, 1.06 if lit else 0.72)
    brush.stroke((shoulder, elbow), 0.4, colour)
    short = look.garment == "dress"
    _hand(brush, hand, elbow, garb.skin)
    brush.stroke((elbow, hand), 0.27 if short else 0.33, tone(garb.skin, 0.9) if short else colour)
    fold = (shoulder[0] * 0.86, 1.5)
    brush.stroke((fold, (elbow[0] * 0.9, elbow[1])), 0.03, garb.shade)


def _draw_held(brush: Brush, name: str, gesture: str) -> None:
    from ablation.world.props import draw_prop

    if gesture == "phone":
        brush.polygon(((0.36, -0.12), (0.5, -0.16), (0.56, 0.36), (0.43, 0.4)), (28, 30, 36))
    elif gesture == "cup":
        brush.polygon(((0.18, 1.0), (0.46, 1.0), (0.42, 1.36), (0.22, 1.36)), (206, 198, 184))
    elif gesture == "hold" and name:
        draw_prop(brush, name, 0.0, 1.98, HELD_SIZE)


def _fingers(brush: Brush, skin: Colour) -> None:
    """Round the lower corners of the held thing, so that it is held and does not hang there."""
    for side in (-1, 1):
        brush.stroke(((side * 0.5, 2.36), (side * 0.33, 2.2)), 0.25, tone(skin, 0.86))
        for finger in range(4):
            y = 2.06 + 0.075 * finger
            brush.stroke(((side * 0.38, y + 0.03), (side * 0.2, y)), 0.075, tone(skin, 1.0 - 0.06 * finger))


def draw_figure(brush: Brush, look: Look, pose: Pose, key: int) -> None:
    """Body first, then head, so that raised hands lie over the face."""
    garb, mirrored = _garb(look), pose.turn < 0
    head = Head(brush, look, pose.turn, key, EXPRESSIONS[pose.expression], pose.speaking)
    raised = pose.gesture in ("phone", "chin", "cup")
    arms = ARMS[pose.gesture]
    if mirrored and not raised and pose.gesture != "hold":
        arms = tuple(tuple((-x, y) for x, y in joints) for joints in reversed(arms))
    if not pose.back:
        draw_hair_behind(head)
    _legs(brush, look, garb, 0.34 if pose.gesture == "walk" else 0.0)
    if pose.back:
        _neck(brush, look, garb, 0.0, key)
    _torso(brush, look, garb, key)
    if pose.back:
        draw_back_of_head(head)
        for joints in arms[:2]:
            _arm(brush, look, garb, joints, (joints[0][0] > 0) == (key > 0))
        return
    _neck(brush, look, garb, pose.turn, key)
    _front(brush, look, garb, pose.turn * 0.12)
    _arm(brush, look, garb, arms[0], key < 0)
    if not raised:
        _arm(brush, look, garb, arms[1], key > 0)
        _draw_held(brush, pose.held, pose.gesture)
        if pose.gesture == "hold":
            _fingers(brush, garb.skin)
    draw_head(head)
    if raised:
        _draw_held(brush, pose.held, pose.gesture)
        _arm(brush, look, garb, arms[1], key > 0)


def figure_layer(look: Look, pose: Pose, key: int, head: int, window: tuple[int, int, int, int]) -> Layer:
    """`head` is the head height in pixels, `window` the part to paint, in pixels from the head's middle."""
    left, top, right, bottom = window
    return draw_layer(
        lambda brush: draw_figure(brush, look, pose, key),
        (-left, -top),
        head,
        (right - left, bottom - top),
        smoothed=head < SOFT_HEAD,
    )
