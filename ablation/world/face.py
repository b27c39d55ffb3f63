"""Heads. Units are head heights, the origin is the middle of the head: crown at y -0.5, chin at +0.5."""

from dataclasses import dataclass

from ablation.world.canvas import Brush, Colour, Point, mix, tone
from ablation.world.cast import HAIRS, SKINS, Look

WHITE: Colour = (226, 222, 214)
BLACK: Colour = (22, 18, 18)
GREY = 5
"""Index of HAIRS from which on people are old."""


@dataclass(frozen=True)
class Expression:
    brow: float
    """Slope: positive lowers the inner end (anger), negative lifts it (worry)."""
    lift: float
    mouth: float
    """Positive lifts the corners."""
    opening: float
    lid: float
    """Openness of the eyes, 1 is at rest."""


EXPRESSIONS: dict[str, Expression] = {
    "calm": Expression(0.0, 0.0, 0.005, 0.0, 1.0),
    "worried": Expression(-0.035, 0.01, -0.015, 0.006, 1.1),
    "angry": Expression(0.05, -0.02, -0.022, 0.012, 0.9),
    "sad": Expression(-0.045, 0.0, -0.025, 0.0, 0.7),
    "amused": Expression(-0.005, 0.015, 0.035, 0.012, 0.85),
    "startled": Expression(-0.01, 0.05, -0.005, 0.045, 1.4),
    "wary": Expression(0.025, -0.01, -0.008, 0.0, 0.72),
}


@dataclass(frozen=True)
class Head:
    brush: Brush
    look: Look
    turn: float
    """-1 looks to the left edge, 0 at the camera, 1 to the right edge."""
    key: int
    """Side of the key light, -1 left, 1 right."""
    expression: Expression
    speaking: bool

    @property
    def skin(self) -> Colour:
        return SKINS[self.look.skin][1]

    @property
    def hair(self) -> Colour:
        return HAIRS[self.look.hair][1]


def outline(head: Head) -> tuple[Point, ...]:
    jaw, lean, wide = head.look.jaw, head.turn * 0.07, head.look.breadth
    right = ((0.16, -0.5), (0.33, -0.38), (0.375 * wide, -0.15), (0.365 * wide, 0.08))
    chin = ((0.325 * jaw + lean, 0.28), (0.2 * jaw + lean, 0.45), (0.07 + lean, 0.515))
    left_chin = tuple((2 * lean - x, y) for x, y in reversed(chin))
    left = tuple((-x, y) for x, y in reversed(right))
    return right + chin + left_chin + left


def _shadow_side(head: Head) -> None:
    """The half of the face away from the key, with the broken edge of brow, nose and lip."""
    side, shift = -head.key, head.turn * 0.15
    outer = tuple(p for p in outline(head) if p[0] * side > 0.04)
    outer = tuple(sorted(outer, key=lambda point: point[1]))
    edge = (
        (0.16, -0.42),
        (0.2, -0.16),
        (0.1, -0.06),
        (0.03, 0.05),
        (0.075, 0.2),
        (0.12, 0.24),
        (0.1, 0.33),
        (0.1, 0.5),
    )
    inner = tuple((side * x + shift * 0.9, y) for x, y in reversed(edge))
    head.brush.blob(outer + inner, tone(head.skin, 0.66))


def _ears(head: Head) -> None:
    for side in (-1, 1):
        if side * head.turn < 0.35:
            head.brush.ellipse(side * 0.375 - head.turn * 0.04, 0.03, 0.055, 0.115, tone(head.skin, 0.82))


def _eye(head: Head, side: int) -> None:
    brush, expression = head.brush, head.expression
    shift = head.turn * 0.15
    far = 1 - 0.28 * max(0.0, side * head.turn)
    x, y = side * 0.165 * far + shift, -0.01
    wide, tall = 0.082 * far, 0.034 * expression.lid
    brush.ellipse(x, y - 0.012, wide * 1.25, 0.062, tone(head.skin, 0.74))
    white = tone(WHITE, 0.9 if side == head.key else 0.66)
    almond = ((x - wide, y + 0.006), (x - wide * 0.4, y - tall), (x + wide * 0.5, y - tall), (x + wide, y + 0.004),
              (x + wide * 0.4, y + tall * 0.85), (x - wide * 0.5, y + tall * 0.85))  # fmt: skip
    brush.blob(almond, white)
    gaze = x + head.turn * 0.035
    iris = mix((66, 46, 32), (84, 110, 124), 1.0 if head.look.hair in (4, 6) else 0.15)
    brush.ellipse(gaze, y, 0.033, min(0.033, tall), iris)
    brush.ellipse(gaze, y, 0.016, min(0.016, tall), BLACK)
    brush.ellipse(gaze + head.key * 0.011, y - 0.011, 0.008, 0.008, (244, 242, 236))
    lid = (
        (x - wide * 1.08, y + 0.008),
        (x - wide * 0.4, y - tall),
        (x + wide * 0.4, y - tall),
        (x + wide * 1.08, y + 0.006),
    )
    brush.stroke(lid, 0.018 if head.look.sex == "woman" else 0.012, tone(BLACK, 1.2))
    _brow(head, side, x, far)


def _brow(head: Head, side: int, x: float, far: float) -> None:
    expression, width = head.expression, 0.105 * far
    base = -0.105 - expression.lift
    inner = (x - side * width, base + expression.brow + 0.008)
    peak = (x + side * width * 0.35, base - 0.028 - expression.brow * 0.2)
    outer = (x + side * width, base + 0.006 - expression.brow * 0.5)
    colour = tone(mix(head.hair, BLACK, 0.35), 0.9)
    thickness = (0.034 if head.look.sex == "man" else 0.022) * head.look.brows
    head.brush.stroke((inner, peak, outer), thickness, colour)


def _nose(head: Head) -> None:
    shift = head.turn * 0.2
    side = -head.key if abs(head.turn) < 0.3 else (1 if head.turn > 0 else -1)
    dark = tone(head.skin, 0.6 if side == -head.key else 0.72)
    bridge = head.turn * 0.15
    low = 0.19 * head.look.nose
    ridge = ((bridge + side * 0.02, -0.06), (shift + side * 0.035, 0.1), (shift + side * 0.075, low - 0.005), (shift + side * 0.03, low + 0.015),
             (shift - side * 0.03, low + 0.01), (shift + side * 0.008, 0.12))  # fmt: skip
    head.brush.blob(ridge, dark)
    for nostril in (-1, 1):
        head.brush.ellipse(shift + nostril * 0.032, low + 0.006, 0.016, 0.009, tone(head.skin, 0.4))
    head.brush.ellipse(shift + head.key * 0.012, low - 0.035, 0.02, 0.022, tone(head.skin, 1.1))


def _years(head: Head) -> None:
    """Lines under the eyes and beside the mouth of those with grey or white hair."""
    if head.look.hair < GREY:
        return
    shift, line = head.turn * 0.16, tone(head.skin, 0.6)
    for side in (-1, 1):
        under = ((shift + side * 0.1, 0.055), (shift + side * 0.17, 0.07), (shift + side * 0.24, 0.05))
        head.brush.stroke(under, 0.012, line)
        fold = ((shift + side * 0.09, 0.19), (shift + side * 0.15, 0.25), (shift + side * 0.16, 0.32))
        head.brush.stroke(fold, 0.012, line)
    head.brush.stroke(((shift - 0.14, -0.25), (shift, -0.265), (shift + 0.14, -0.25)), 0.011, line)


def _mouth(head: Head) -> None:
    expression, shift = head.expression, head.turn * 0.17
    lips = mix(tone(head.skin, 0.72), (150, 44, 50) if head.look.sex == "woman" else (128, 66, 60), 0.5)
    opening = expression.opening + (0.03 if head.speaking else 0)
    half, y, up = 0.115, 0.315, expression.mouth
    left, right = (shift - half, y - up), (shift + half, y - up)
    upper = (left, (shift - 0.035, y - 0.03), (shift, y - 0.022), (shift + 0.035, y - 0.03), right)
    lower = ((shift + 0.055, y + 0.034 + opening), (shift - 0.055, y + 0.034 + opening))
    head.brush.blob(upper + lower, lips)
    inner = (left, (shift, y - 0.006), right, (shift, y + 0.008 + opening))
    head.brush.polygon(inner, (44, 20, 22))
    if opening > 0.02 or (up > 0.03 and opening > 0.01):
        head.brush.polygon(
            (
                (shift - 0.06, y - 0.004),
                (shift + 0.06, y - 0.004),
                (shift + 0.04, y + 0.01),
                (shift - 0.04, y + 0.01),
            ),
            WHITE,
        )
    head.brush.ellipse(shift, y + 0.068 + opening, 0.055, 0.012, tone(head.skin, 0.74))


def _beard(head: Head) -> None:
    look, shift, lean = head.look, head.turn * 0.17, head.turn * 0.07
    colour = mix(head.skin, head.hair, 0.35 if look.beard == 1 else 0.9)
    if look.beard in (1, 2):
        jaw = [p for p in outline(head) if p[1] > 0.05]
        inner = [(0.25, 0.15), (0.13, 0.26), (-0.13, 0.26), (-0.25, 0.15)]
        drop = 0.05 if look.beard == 2 else 0.0
        ring = [(x, y + drop * (y > 0.3)) for x, y in jaw] + [(lean - x, y) for x, y in inner]
        right = list(ring[: len(jaw)])
        head.brush.blob(tuple(right) + tuple((shift * 0.6 + x, y) for x, y in reversed(inner)), colour)
    if look.beard in (2, 3):
        head.brush.blob(
            (
                (shift - 0.14, 0.285),
                (shift, 0.235),
                (shift + 0.14, 0.285),
                (shift + 0.06, 0.3),
                (shift - 0.06, 0.3),
            ),
            colour,
        )


def draw_glasses(head: Head) -> None:
    shift, frame = head.turn * 0.15, (26, 24, 26)
    for side in (-1, 1):
        far = 1 - 0.28 * max(0.0, side * head.turn)
        x, w = side * 0.17 * far + shift, 0.12 * far
        ring = ((x - w, -0.06), (x + w, -0.06), (x + w * 0.9, 0.075), (x - w * 0.9, 0.075))
        head.brush.stroke(ring + ring[:1], 0.02, frame)
        head.brush.stroke(((x + side * w, -0.03), (side * 0.37, -0.02)), 0.016, frame)
    head.brush.stroke(((shift - 0.06, -0.03), (shift + 0.06, -0.03)), 0.018, frame)


def draw_features(head: Head) -> None:
    head.brush.blob(outline(head), head.skin)
    _ears(head)
    _shadow_side(head)
    if head.look.beard:
        _beard(head)
    _years(head)
    _nose(head)
    _mouth(head)
    for side in (-1, 1):
        _eye(head, side)
