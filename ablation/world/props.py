"""Things that can be held or shown in a detail shot. `size` is half the thing's height in the brush's units."""

from ablation.world.canvas import Brush, tone

PAPER = (224, 214, 190)
BRASS = (190, 150, 74)


def _letter(brush: Brush, x: float, y: float, s: float) -> None:
    brush.polygon(
        ((x - s * 0.8, y - s * 0.9), (x + s * 0.7, y - s), (x + s * 0.85, y + s * 0.9), (x - s * 0.7, y + s)),
        PAPER,
    )
    for row in range(7):
        top = y - s * 0.65 + row * s * 0.2
        brush.stroke(
            ((x - s * 0.6, top), (x + s * (0.6 - 0.25 * (row == 6)), top - s * 0.04)), s * 0.05, (96, 84, 76)
        )


def _envelope(brush: Brush, x: float, y: float, s: float) -> None:
    brush.polygon(
        (
            (x - s * 1.2, y - s * 0.75),
            (x + s * 1.2, y - s * 0.75),
            (x + s * 1.2, y + s * 0.75),
            (x - s * 1.2, y + s * 0.75),
        ),
        tone(PAPER, 0.86),
    )
    brush.stroke(
        ((x - s * 1.2, y - s * 0.75), (x, y + s * 0.15), (x + s * 1.2, y - s * 0.75)),
        s * 0.06,
        tone(PAPER, 0.55),
    )
    brush.ellipse(x, y + s * 0.1, s * 0.16, s * 0.16, (140, 30, 34))


def _key(brush: Brush, x: float, y: float, s: float) -> None:
    brush.ellipse(x - s * 0.6, y, s * 0.42, s * 0.42, BRASS)
    brush.ellipse(x - s * 0.6, y, s * 0.2, s * 0.2, (40, 34, 28))
    brush.polygon(
        (
            (x - s * 0.25, y - s * 0.1),
            (x + s, y - s * 0.1),
            (x + s, y + s * 0.1),
            (x - s * 0.25, y + s * 0.1),
        ),
        BRASS,
    )
    for tooth in (0.6, 0.85):
        brush.polygon(
            (
                (x + s * tooth, y),
                (x + s * (tooth + 0.12), y),
                (x + s * (tooth + 0.12), y + s * 0.36),
                (x + s * tooth, y + s * 0.36),
            ),
            tone(BRASS, 0.85),
        )


def _photograph(brush: Brush, x: float, y: float, s: float) -> None:
    brush.polygon(
        (
            (x - s * 0.9, y - s),
            (x + s * 0.9, y - s * 0.9),
            (x + s * 0.85, y + s),
            (x - s * 0.95, y + s * 0.9),
        ),
        (230, 226, 214),
    )
    brush.polygon(
        (
            (x - s * 0.75, y - s * 0.82),
            (x + s * 0.74, y - s * 0.74),
            (x + s * 0.7, y + s * 0.6),
            (x - s * 0.78, y + s * 0.52),
        ),
        (104, 92, 78),
    )
    for shift, tall in ((-0.3, 0.0), (0.25, 0.1)):
        brush.ellipse(x + s * shift, y - s * (0.25 + tall), s * 0.17, s * 0.2, (196, 168, 140))
        brush.polygon(
            (
                (x + s * (shift - 0.3), y + s * 0.54),
                (x + s * (shift - 0.18), y - s * tall),
                (x + s * (shift + 0.18), y - s * tall),
                (x + s * (shift + 0.3), y + s * 0.56),
            ),
            (60, 54, 52),
        )


def _phone(brush: Brush, x: float, y: float, s: float) -> None:
    brush.polygon(
        ((x - s * 0.52, y - s), (x + s * 0.52, y - s), (x + s * 0.52, y + s), (x - s * 0.52, y + s)),
        (24, 25, 30),
    )
    brush.polygon(
        (
            (x - s * 0.44, y - s * 0.84),
            (x + s * 0.44, y - s * 0.84),
            (x + s * 0.44, y + s * 0.8),
            (x - s * 0.44, y + s * 0.8),
        ),
        (120, 168, 200),
    )
    for row, width in enumerate((0.3, 0.2, 0.34)):
        top = y - s * 0.5 + row * s * 0.34
        brush.polygon(
            (
                (x - s * 0.36, top),
                (x - s * 0.36 + s * 2 * width, top),
                (x - s * 0.36 + s * 2 * width, top + s * 0.2),
                (x - s * 0.36, top + s * 0.2),
            ),
            (232, 238, 242),
        )


def _notebook(brush: Brush, x: float, y: float, s: float) -> None:
    for side in (-1, 1):
        brush.polygon(
            (
                (x, y - s * 0.8),
                (x + side * s * 1.15, y - s * 0.7),
                (x + side * s * 1.2, y + s * 0.8),
                (x, y + s * 0.75),
            ),
            tone(PAPER, 0.98 if side < 0 else 0.86),
        )
        for row in range(6):
            top = y - s * 0.5 + row * s * 0.2
            brush.stroke(
                ((x + side * s * 0.15, top), (x + side * s * 0.95, top + s * 0.03)), s * 0.04, (110, 98, 96)
            )
    brush.stroke(((x, y - s * 0.8), (x, y + s * 0.75)), s * 0.06, (120, 100, 80))


def _ring(brush: Brush, x: float, y: float, s: float) -> None:
    brush.polygon(
        ((x - s, y), (x + s, y), (x + s * 0.9, y + s * 0.8), (x - s * 0.9, y + s * 0.8)), (72, 22, 34)
    )
    brush.polygon(
        ((x - s, y), (x - s * 0.8, y - s * 0.9), (x + s * 0.8, y - s * 0.9), (x + s, y)), (98, 34, 46)
    )
    brush.ellipse(x, y - s * 0.08, s * 0.38, s * 0.34, BRASS)
    brush.ellipse(x, y - s * 0.08, s * 0.26, s * 0.22, (72, 22, 34))
    brush.ellipse(x, y - s * 0.42, s * 0.13, s * 0.12, (236, 244, 250))


def _map(brush: Brush, x: float, y: float, s: float) -> None:
    for fold in range(4):
        left = x - s * 1.4 + fold * s * 0.7
        lift = s * 0.08 * (fold % 2)
        brush.polygon(
            (
                (left, y - s * 0.9 + lift),
                (left + s * 0.7, y - s * 0.82 - lift),
                (left + s * 0.7, y + s * 0.86 - lift),
                (left, y + s * 0.8 + lift),
            ),
            tone((206, 200, 160), 1 - 0.1 * (fold % 2)),
        )
    brush.stroke(
        (
            (x - s * 1.2, y + s * 0.4),
            (x - s * 0.4, y),
            (x + s * 0.3, y + s * 0.25),
            (x + s * 1.2, y - s * 0.5),
        ),
        s * 0.09,
        (166, 60, 48),
    )
    brush.stroke(
        ((x - s * 0.9, y - s * 0.7), (x - s * 0.2, y + s * 0.1), (x, y + s * 0.7)), s * 0.1, (96, 138, 168)
    )


def _suitcase(brush: Brush, x: float, y: float, s: float) -> None:
    brush.stroke(
        (
            (x - s * 0.35, y - s * 0.6),
            (x - s * 0.3, y - s * 0.95),
            (x + s * 0.3, y - s * 0.95),
            (x + s * 0.35, y - s * 0.6),
        ),
        s * 0.14,
        (60, 40, 28),
    )
    brush.polygon(
        (
            (x - s * 1.3, y - s * 0.65),
            (x + s * 1.3, y - s * 0.65),
            (x + s * 1.3, y + s),
            (x - s * 1.3, y + s),
        ),
        (126, 82, 50),
    )
    for strap in (-0.75, 0.6):
        brush.polygon(
            (
                (x + s * strap, y - s * 0.65),
                (x + s * (strap + 0.16), y - s * 0.65),
                (x + s * (strap + 0.16), y + s),
                (x + s * strap, y + s),
            ),
            (76, 48, 32),
        )


def _bundle(brush: Brush, x: float, y: float, s: float) -> None:
    for layer in range(4):
        top = y + s * (0.55 - layer * 0.3)
        brush.polygon(
            (
                (x - s * 1.1, top),
                (x + s * 1.05, top - s * 0.06),
                (x + s * 1.05, top + s * 0.24),
                (x - s * 1.1, top + s * 0.3),
            ),
            tone((132, 152, 116), 0.72 + 0.12 * layer),
        )
    brush.polygon(
        (
            (x - s * 0.15, y - s * 0.4),
            (x + s * 0.15, y - s * 0.42),
            (x + s * 0.15, y + s * 0.82),
            (x - s * 0.15, y + s * 0.84),
        ),
        (214, 204, 176),
    )


PROPS = {
    "letter": _letter,
    "envelope": _envelope,
    "key": _key,
    "photograph": _photograph,
    "phone": _phone,
    "notebook": _notebook,
    "ring": _ring,
    "map": _map,
    "suitcase": _suitcase,
    "money": _bundle,
}


def draw_prop(brush: Brush, name: str, x: float, y: float, size: float) -> None:
    PROPS[name](brush, x, y, size)
