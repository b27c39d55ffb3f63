"""Heads. Units are head heights, the origin is the middle of the head: crown at y -0.5, chin at +0.5."""

from dataclasses import dataclass

from ablation.world.canvas import Brush, Colour, Point, mix, tone
from ablation.world.cast import CLOTHES, HAIRS, SKINS, Look

WHITE: Colour = (226, 222, 214)
BLACK: Colour = (22, 18, 18)


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


def _outline(head: Head, grow: float = 1.0) -> tuple[Point, ...]:
    jaw, lean = head.look.jaw, head.turn * 0.07
    right = ((0.16, -0.5), (0.33, -0.38), (0.375, -0.15), (0.365, 0.08))
    chin = ((0.325 * jaw + lean, 0.28), (0.2 * jaw + lean, 0.45), (0.07 + lean, 0.515))
    left_chin = tuple((2 * lean - x, y) for x, y in reversed(chin))
    left = tuple((-x, y) for x, y in reversed(right))
    return tuple((x * grow, y * grow) for x, y in right + chin + left_chin + left)


def _shadow_side(head: Head) -> None:
    """The half of the face away from the key, with the broken edge of brow, nose and lip."""
    side, shift = -head.key, head.turn * 0.15
    outer = tuple(p for p in _outline(head) if p[0] * side > 0.04)
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
    thickness = 0.034 if head.look.sex == "man" else 0.022
    head.brush.stroke((inner, peak, outer), thickness, colour)


def _nose(head: Head) -> None:
    shift = head.turn * 0.2
    side = -head.key if abs(head.turn) < 0.3 else (1 if head.turn > 0 else -1)
    dark = tone(head.skin, 0.6 if side == -head.key else 0.72)
    bridge = head.turn * 0.15
    head.brush.blob(((bridge + side * 0.02, -0.06), (shift + side * 0.035, 0.1), (shift + side * 0.075, 0.185),
                     (shift + side * 0.03, 0.205), (shift - side * 0.03, 0.2), (shift + side * 0.008, 0.12)), dark)  # fmt: skip
    for nostril in (-1, 1):
        head.brush.ellipse(shift + nostril * 0.032, 0.196, 0.016, 0.009, tone(head.skin, 0.4))
    head.brush.ellipse(shift + head.key * 0.012, 0.155, 0.02, 0.022, tone(head.skin, 1.1))


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
        jaw = [p for p in _outline(head) if p[1] > 0.05]
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


def _glasses(head: Head) -> None:
    shift, frame = head.turn * 0.15, (26, 24, 26)
    for side in (-1, 1):
        far = 1 - 0.28 * max(0.0, side * head.turn)
        x, w = side * 0.17 * far + shift, 0.12 * far
        ring = ((x - w, -0.06), (x + w, -0.06), (x + w * 0.9, 0.075), (x - w * 0.9, 0.075))
        head.brush.stroke(ring + ring[:1], 0.02, frame)
        head.brush.stroke(((x + side * w, -0.03), (side * 0.37, -0.02)), 0.016, frame)
    head.brush.stroke(((shift - 0.06, -0.03), (shift + 0.06, -0.03)), 0.018, frame)


def draw_hair_behind(head: Head) -> None:
    brush, dark, style = head.brush, tone(head.hair, 0.62), head.look.style
    lean = -head.turn * 0.06
    if style == "long":
        brush.blob(((lean - 0.38, -0.42), (lean + 0.38, -0.42), (lean + 0.5, 0.2), (lean + 0.52, 0.95), (lean + 0.2, 1.05),
                    (lean - 0.2, 1.05), (lean - 0.52, 0.95), (lean - 0.5, 0.2)), dark)  # fmt: skip
    elif style == "bob":
        brush.blob(
            (
                (lean - 0.36, -0.45),
                (lean + 0.36, -0.45),
                (lean + 0.5, 0.1),
                (lean + 0.46, 0.5),
                (lean - 0.46, 0.5),
                (lean - 0.5, 0.1),
            ),
            dark,
        )
    elif style == "bun":
        brush.ellipse(lean * 2, -0.56, 0.19, 0.17, head.hair)
    elif style == "ponytail":
        tail = -1 if head.turn > 0 else 1
        brush.blob(
            (
                (tail * 0.3, -0.4),
                (tail * 0.52, -0.2),
                (tail * 0.56, 0.4),
                (tail * 0.42, 0.8),
                (tail * 0.34, 0.3),
            ),
            dark,
        )
    elif style == "curly":
        for x, y in ((-0.4, -0.2), (0.4, -0.2), (-0.42, 0.05), (0.42, 0.05), (-0.38, 0.25), (0.38, 0.25)):
            brush.ellipse(x + lean, y, 0.15, 0.17, dark)


def _curls(head: Head) -> None:
    spots = (
        (-0.36, -0.22),
        (-0.27, -0.4),
        (-0.1, -0.5),
        (0.1, -0.5),
        (0.27, -0.4),
        (0.36, -0.22),
        (-0.16, -0.36),
        (0.16, -0.36),
        (0.0, -0.4),
    )
    for index, (x, y) in enumerate(spots):
        shade = 1.18 if x * head.key > 0.1 else (0.75 if x * head.key < -0.1 else 0.95)
        head.brush.ellipse(x, y, 0.15, 0.135, tone(head.hair, shade + 0.06 * (index % 2)))


def _hair_front(head: Head) -> None:
    brush, style, hair = head.brush, head.look.style, head.hair
    part = head.turn * 0.12
    if style == "bald":
        return None
    if style == "curly":
        return _curls(head)
    crown = (
        (-0.4, -0.02),
        (-0.42, -0.28),
        (-0.26, -0.54),
        (0.0, -0.6),
        (0.26, -0.54),
        (0.42, -0.28),
        (0.4, -0.02),
    )
    lines = {
        "short": (
            (0.35, -0.14),
            (0.26, -0.3),
            (0.08 + part, -0.32),
            (-0.14 + part, -0.27),
            (-0.3, -0.26),
            (-0.35, -0.14),
        ),
        "swept": (
            (0.36, -0.12),
            (0.28, -0.34),
            (0.1 + part, -0.42),
            (-0.14 + part, -0.38),
            (-0.29, -0.3),
            (-0.36, -0.1),
        ),
        "cropped": ((0.36, -0.16), (0.27, -0.36), (part, -0.4), (-0.27, -0.36), (-0.36, -0.16)),
        "long": (
            (0.39, 0.4),
            (0.34, 0.1),
            (0.3, -0.16),
            (0.06 + part, -0.44),
            (-0.3, -0.16),
            (-0.34, 0.1),
            (-0.39, 0.4),
        ),
        "bob": (
            (0.4, 0.3),
            (0.33, 0.05),
            (0.31, -0.2),
            (0.0, -0.22),
            (-0.31, -0.2),
            (-0.33, 0.05),
            (-0.4, 0.3),
        ),
    }
    line = lines.get(style, ((0.35, -0.06), (0.27, -0.3), (0.04 + part, -0.4), (-0.27, -0.3), (-0.35, -0.06)))
    if style in ("long", "bob"):
        crown = ((-0.44, 0.3), (-0.44, -0.25), *crown[2:5], (0.44, -0.25), (0.44, 0.3))
    if style == "cropped":
        crown = tuple((x * 0.95, y * 0.94) for x, y in crown)
    brush.blob(crown + line, hair)
    sheen = tuple(
        (head.key * x + part, y)
        for x, y in ((0.08, -0.52), (0.22, -0.48), (0.33, -0.32), (0.29, -0.34), (0.18, -0.43))
    )
    brush.blob(sheen, mix(hair, (255, 240, 220), 0.22))
    gloom = tuple(
        (-head.key * x, y)
        for x, y in ((0.14, -0.56), (0.27, -0.53), (0.42, -0.28), (0.4, -0.05), (0.35, -0.12), (0.28, -0.36))
    )
    brush.blob(gloom, tone(hair, 0.6))
    return None


def _hat(head: Head) -> None:
    colour = tone(CLOTHES[head.look.clothes][1], 0.8)
    if head.look.hat == 1:
        head.brush.blob(
            ((-0.36, -0.3), (-0.33, -0.68), (-0.12, -0.74), (0.12, -0.72), (0.33, -0.68), (0.36, -0.3)),
            colour,
        )
        head.brush.polygon(((-0.36, -0.4), (0.36, -0.4), (0.37, -0.31), (-0.37, -0.31)), tone(colour, 0.5))
        head.brush.ellipse(head.turn * 0.1, -0.29, 0.58, 0.075, tone(colour, 0.85))
    elif head.look.hat == 2:
        head.brush.blob(
            ((-0.4, -0.2), (-0.4, -0.5), (-0.2, -0.68), (0.2, -0.68), (0.4, -0.5), (0.4, -0.2)), colour
        )
        head.brush.polygon(((-0.4, -0.33), (0.4, -0.33), (0.4, -0.2), (-0.4, -0.2)), tone(colour, 0.75))


def draw_head(head: Head) -> None:
    head.brush.blob(_outline(head), head.skin)
    _ears(head)
    _shadow_side(head)
    if head.look.beard:
        _beard(head)
    _nose(head)
    _mouth(head)
    for side in (-1, 1):
        _eye(head, side)
    _hair_front(head)
    if head.look.glasses:
        _glasses(head)
    _hat(head)


def draw_back_of_head(head: Head) -> None:
    """The head from behind: hair, ears, nape."""
    colour = head.skin if head.look.style == "bald" else head.hair
    head.brush.ellipse(0, 0.02, 0.4, 0.5, tone(colour, 0.8))
    for side in (-1, 1):
        head.brush.ellipse(side * 0.4, 0.05, 0.05, 0.11, tone(head.skin, 0.9))
    head.brush.blob(((-0.3, 0.1), (0.3, 0.1), (0.25, 0.45), (-0.25, 0.45)), tone(colour, 0.66))
    if head.look.style == "curly":
        _curls(head)
    elif head.look.style in ("long", "bob"):
        low = 0.95 if head.look.style == "long" else 0.45
        head.brush.blob(
            ((-0.34, -0.42), (0.34, -0.42), (0.48, 0.1), (0.46, low), (-0.46, low), (-0.48, 0.1)),
            tone(colour, 0.72),
        )
    elif head.look.style == "bun":
        head.brush.ellipse(0, -0.36, 0.2, 0.18, colour)
    elif head.look.style == "ponytail":
        head.brush.blob(((-0.1, -0.3), (0.1, -0.3), (0.14, 0.5), (0.0, 0.9), (-0.14, 0.5)), tone(colour, 0.9))
    edge = tuple(
        (head.key * x, y) for x, y in ((0.2, -0.45), (0.38, -0.2), (0.4, 0.1), (0.33, 0.1), (0.3, -0.18))
    )
    head.brush.blob(edge, mix(colour, (255, 236, 210), 0.35))
    _hat(head)
