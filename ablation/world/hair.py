"""Hair and hats, and the whole head put together. Units are head heights, as in face.py."""

from ablation.world.canvas import Point, mix, tone
from ablation.world.cast import CLOTHES
from ablation.world.face import Head, draw_features, draw_glasses

CROWN: tuple[Point, ...] = ((-0.4, -0.02), (-0.42, -0.28), (-0.26, -0.54), (0.0, -0.6), (0.26, -0.54), (0.42, -0.28), (0.4, -0.02))  # fmt: skip
CURLS = ((-0.36, -0.22), (-0.27, -0.4), (-0.1, -0.5), (0.1, -0.5), (0.27, -0.4), (0.36, -0.22), (-0.16, -0.36), (0.16, -0.36), (0.0, -0.4))  # fmt: skip
SIDE_CURLS = ((-0.4, -0.2), (0.4, -0.2), (-0.42, 0.05), (0.42, 0.05), (-0.38, 0.25), (0.38, 0.25))


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
        for x, y in SIDE_CURLS:
            brush.ellipse(x + lean, y, 0.15, 0.17, dark)


def _curls(head: Head) -> None:
    for index, (x, y) in enumerate(CURLS):
        shade = 1.18 if x * head.key > 0.1 else (0.75 if x * head.key < -0.1 else 0.95)
        head.brush.ellipse(x, y, 0.15, 0.135, tone(head.hair, shade + 0.06 * (index % 2)))


def _hairline(style: str, part: float) -> tuple[Point, ...]:
    """From the right temple over the forehead to the left one."""
    lines = {
        "short": ((0.35, -0.14), (0.26, -0.3), (0.08 + part, -0.32), (-0.14 + part, -0.27), (-0.3, -0.26), (-0.35, -0.14)),
        "swept": ((0.36, -0.12), (0.28, -0.34), (0.1 + part, -0.42), (-0.14 + part, -0.38), (-0.29, -0.3), (-0.36, -0.1)),
        "cropped": ((0.36, -0.16), (0.27, -0.36), (part, -0.4), (-0.27, -0.36), (-0.36, -0.16)),
        "long": ((0.39, 0.4), (0.34, 0.1), (0.3, -0.16), (0.06 + part, -0.44), (-0.3, -0.16), (-0.34, 0.1), (-0.39, 0.4)),
        "bob": ((0.4, 0.3), (0.33, 0.05), (0.31, -0.2), (0.0, -0.22), (-0.31, -0.2), (-0.33, 0.05), (-0.4, 0.3)),
    }  # fmt: skip
    tied_back = ((0.35, -0.06), (0.27, -0.3), (0.04 + part, -0.4), (-0.27, -0.3), (-0.35, -0.06))
    return lines.get(style, tied_back)


def _hair_front(head: Head) -> None:
    brush, style, part = head.brush, head.look.style, head.turn * 0.12
    if style == "bald":
        return
    if style == "curly":
        _curls(head)
        return
    crown = CROWN
    if style in ("long", "bob"):
        crown = ((-0.44, 0.3), (-0.44, -0.25), *CROWN[2:5], (0.44, -0.25), (0.44, 0.3))
    if style == "cropped":
        crown = tuple((x * 0.95, y * 0.94) for x, y in CROWN)
    brush.blob(crown + _hairline(style, part), head.hair)
    sheen = ((0.08, -0.52), (0.22, -0.48), (0.33, -0.32), (0.29, -0.34), (0.18, -0.43))
    gloom = ((0.14, -0.56), (0.27, -0.53), (0.42, -0.28), (0.4, -0.05), (0.35, -0.12), (0.28, -0.36))
    brush.blob(tuple((head.key * x + part, y) for x, y in sheen), mix(head.hair, (255, 240, 220), 0.22))
    brush.blob(tuple((-head.key * x, y) for x, y in gloom), tone(head.hair, 0.6))


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
    draw_features(head)
    _hair_front(head)
    if head.look.glasses:
        draw_glasses(head)
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
