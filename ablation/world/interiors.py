"""Furniture and walls. Every element is drawn at `x` (share of the plate) with the width `w`."""

from ablation.world.canvas import Colour, mix, tone
from ablation.world.stage import FLOOR, Stage

WARM: Colour = (255, 204, 132)
WOOD: Colour = (118, 78, 48)


def room(stage: Stage, wall: Colour, floor: Colour, tilt: float) -> None:
    """Wall, skirting, floor boards running to a vanishing point, and a side wall that gives depth."""
    stage.box(0, 0, 1, FLOOR, wall)
    stage.box(0, 0, 1, 0.05, tone(wall, 0.6))
    stage.ground(FLOOR, tone(floor, 1.15), tone(floor, 0.6))
    for step in range(-6, 18):
        foot = 0.5 + tilt * 0.3 + (step / 12 - 0.5) * 2.4
        stage.line([(step / 12, FLOOR), (foot, 1.0)], 2, tone(floor, 0.55))
    corner = 0.13 if tilt > 0 else 0.87
    edge = 0.0 if tilt > 0 else 1.0
    stage.shape([(edge, 0), (corner, 0.05), (corner, FLOOR), (edge, 0.88)], tone(wall, 0.55))
    stage.line([(corner, 0.05), (corner, FLOOR)], 3, tone(wall, 0.4))
    stage.box(0 if tilt < 0 else corner, FLOOR - 0.022, corner if tilt < 0 else 1, FLOOR, tone(wall, 0.42))


def window(stage: Stage, x: float, w: float) -> None:
    top, bottom = 0.12, 0.5
    stage.box(x - 0.012, top - 0.03, x + w + 0.012, bottom + 0.03, (92, 78, 66))
    sky = mix(stage.light.sky[1], (240, 242, 240), 0.45)
    power = stage.light.daylight
    stage.box(x, top, x + w, bottom, sky)
    stage.shine_box(x, top, x + w, bottom, sky, power)
    if power < 0.55:
        for lamp in stage.generator.random((9, 2)):
            stage.shine_oval(
                x + w * (0.08 + 0.84 * lamp[0]), bottom - 0.03 - 0.2 * lamp[1], 0.008, 0.012, WARM, 0.7
            )
    for bar in (0.5,):
        stage.box(x + w * bar - 0.004, top, x + w * bar + 0.004, bottom, (70, 60, 52))
    stage.box(x, (top + bottom) / 2 - 0.008, x + w, (top + bottom) / 2 + 0.008, (70, 60, 52))
    stage.pool(x + w / 2, 0.42, 0.65, sky, 0.75 * power)


def blinds(stage: Stage, x: float, w: float) -> None:
    window(stage, x, w)
    for slat in range(13):
        stage.box(x, 0.12 + slat * 0.03, x + w, 0.132 + slat * 0.03, (86, 82, 76))


def curtains(stage: Stage, x: float, w: float) -> None:
    window(stage, x + w * 0.18, w * 0.64)
    cloth = (132, 58, 52)
    for side in (0, 1):
        for fold in range(5):
            left = x + side * w * 0.74 + fold * w * 0.052
            stage.box(
                left, 0.07, left + w * 0.052, FLOOR - 0.02, tone(cloth, (1.0, 0.72, 0.9, 0.6, 0.82)[fold])
            )


def door(stage: Stage, x: float, w: float) -> None:
    stage.box(x - 0.012, 0.11, x + w + 0.012, FLOOR, tone(WOOD, 0.5))
    stage.box(x, 0.13, x + w, FLOOR, tone(WOOD, 0.9))
    for row in (0.17, 0.42):
        stage.box(x + w * 0.15, row, x + w * 0.85, row + 0.2, tone(WOOD, 0.66))
    stage.oval(x + w * 0.9, 0.42, 0.012, 0.012, (210, 176, 98))


def shelf(stage: Stage, x: float, w: float) -> None:
    colours = ((126, 58, 46), (62, 84, 96), (158, 130, 78), (78, 92, 62), (96, 70, 88), (180, 168, 140))
    stage.box(x, 0.1, x + w, FLOOR, tone(WOOD, 0.5))
    for row in range(5):
        top, left = 0.13 + row * 0.106, x + 0.008
        stage.box(x + 0.006, top, x + w - 0.006, top + 0.09, tone(WOOD, 0.24))
        while left < x + w - 0.02:
            thick = 0.006 + 0.009 * stage.generator.random()
            tall = 0.05 + 0.036 * stage.generator.random()
            colour = colours[int(stage.generator.integers(6))]
            stage.box(left, top + 0.09 - tall, left + thick, top + 0.09, tone(colour, 0.95))
            left += thick + 0.0015


def counter(stage: Stage, x: float, w: float) -> None:
    stage.box(x, 0.12, x + w, 0.3, (156, 142, 116))
    for part in range(1, 4):
        stage.box(x + w * part / 4 - 0.002, 0.12, x + w * part / 4 + 0.002, 0.3, (88, 78, 62))
    stage.box(x, 0.5, x + w, 0.53, (206, 198, 184))
    stage.box(x, 0.53, x + w, FLOOR + 0.05, (132, 118, 96))
    for part in range(4):
        stage.box(x + w * (part + 0.08) / 4, 0.56, x + w * (part + 0.92) / 4, FLOOR + 0.02, (112, 100, 82))
    stage.oval(x + w * 0.3, 0.46, 0.045, 0.045, (176, 182, 186))
    stage.box(x + w * 0.62, 0.42, x + w * 0.67, 0.5, (150, 62, 48))
    stage.box(x + w * 0.7, 0.44, x + w * 0.74, 0.5, (60, 100, 84))


def fridge(stage: Stage, x: float, w: float) -> None:
    stage.box(x, 0.14, x + w, FLOOR + 0.04, (204, 206, 204))
    stage.box(x, 0.32, x + w, 0.328, (104, 106, 108))
    stage.box(x + w * 0.82, 0.2, x + w * 0.87, 0.3, (90, 92, 96))
    stage.box(x + w * 0.82, 0.36, x + w * 0.87, 0.5, (90, 92, 96))


def pendant(stage: Stage, x: float, w: float) -> None:
    stage.line([(x, 0), (x, 0.16)], 3, (20, 18, 16))
    stage.shape([(x - 0.012, 0.15), (x + 0.012, 0.15), (x + 0.045, 0.23), (x - 0.045, 0.23)], (58, 72, 66))
    stage.shine_oval(x, 0.232, 0.055, 0.014, WARM, stage.light.lamps)
    stage.pool(x, 0.42, 0.42, WARM, 0.75 * stage.light.lamps)


def standing_lamp(stage: Stage, x: float, w: float) -> None:
    stage.line([(x, 0.34), (x, FLOOR + 0.08)], 4, (40, 32, 26))
    stage.shape([(x - 0.025, 0.22), (x + 0.025, 0.22), (x + 0.045, 0.36), (x - 0.045, 0.36)], (226, 196, 148))
    left, right = x - 0.03, x + 0.03
    stage.shine_box(left, 0.23, right, 0.355, WARM, 0.95 * stage.light.lamps)
    stage.pool(x, 0.36, 0.46, WARM, 0.9 * stage.light.lamps)


def picture(stage: Stage, x: float, w: float) -> None:
    stage.box(x, 0.16, x + w, 0.42, (72, 52, 34))
    stage.box(x + 0.01, 0.18, x + w - 0.01, 0.4, (96, 116, 118))
    stage.shape(
        [(x + 0.01, 0.4), (x + w * 0.35, 0.26), (x + w * 0.6, 0.36), (x + w * 0.8, 0.3), (x + w - 0.01, 0.4)],
        (62, 74, 58),
    )


def clock(stage: Stage, x: float, w: float) -> None:
    stage.oval(x + w / 2, 0.2, 0.085, 0.085, (38, 34, 30))
    stage.oval(x + w / 2, 0.2, 0.072, 0.072, (222, 216, 198))
    stage.line([(x + w / 2, 0.2), (x + w / 2 + 0.018, 0.17)], 4, (30, 26, 24))
    stage.line([(x + w / 2, 0.2), (x + w / 2 - 0.004, 0.14)], 3, (30, 26, 24))


def sofa(stage: Stage, x: float, w: float) -> None:
    cloth = (86, 98, 78)
    stage.box(x, 0.48, x + w, 0.7, tone(cloth, 0.8))
    for part in range(3):
        stage.box(x + w * (0.06 + 0.3 * part), 0.5, x + w * (0.34 + 0.3 * part), 0.62, cloth)
    stage.box(x + w * 0.02, 0.62, x + w * 0.98, 0.72, tone(cloth, 1.15))
    for side in (0, 0.93):
        stage.box(x + w * side, 0.54, x + w * (side + 0.07), 0.74, tone(cloth, 0.66))


def bed(stage: Stage, x: float, w: float) -> None:
    stage.box(x, 0.42, x + 0.02, 0.76, tone(WOOD, 0.6))
    stage.box(x, 0.6, x + w, 0.76, (168, 160, 150))
    stage.shape([(x + 0.02, 0.6), (x + 0.1, 0.53), (x + 0.14, 0.6)], (220, 216, 208))
    stage.shape([(x + w * 0.35, 0.58), (x + w, 0.6), (x + w, 0.78), (x + w * 0.32, 0.78)], (78, 88, 112))


def bottles(stage: Stage, x: float, w: float) -> None:
    stage.box(x, 0.1, x + w, 0.5, (46, 30, 22))
    for row in range(3):
        stage.shine_box(
            x + 0.01,
            0.205 + row * 0.12,
            x + w - 0.01,
            0.215 + row * 0.12,
            (210, 140, 70),
            0.6 * stage.light.lamps,
        )
        for place in range(int(w / 0.02)):
            left = x + 0.012 + place * 0.02
            colour = ((62, 98, 62), (150, 96, 40), (126, 44, 36), (140, 152, 158))[
                int(stage.generator.integers(4))
            ]
            stage.box(left, 0.145 + row * 0.12, left + 0.011, 0.205 + row * 0.12, colour)
            stage.box(left + 0.003, 0.12 + row * 0.12, left + 0.008, 0.15 + row * 0.12, tone(colour, 0.8))
    stage.pool(x + w / 2, 0.3, 0.3, (255, 170, 90), 0.6 * stage.light.lamps)


def bar_top(stage: Stage, x: float, w: float) -> None:
    stage.box(x, 0.56, x + w, 0.6, tone(WOOD, 1.2))
    stage.box(x, 0.6, x + w, 0.84, tone(WOOD, 0.62))
    for panel in range(6):
        stage.box(x + w * (panel + 0.1) / 6, 0.63, x + w * (panel + 0.9) / 6, 0.8, tone(WOOD, 0.46))


def desk(stage: Stage, x: float, w: float) -> None:
    stage.box(x, 0.56, x + w, 0.59, tone(WOOD, 1.1))
    stage.box(x + 0.01, 0.59, x + w * 0.3, 0.78, tone(WOOD, 0.6))
    stage.box(x + w * 0.92, 0.59, x + w * 0.97, 0.78, tone(WOOD, 0.6))
    stage.box(x + w * 0.4, 0.42, x + w * 0.72, 0.54, (26, 28, 32))
    stage.shine_box(x + w * 0.42, 0.435, x + w * 0.7, 0.525, (140, 176, 196), 0.55)
    stage.box(x + w * 0.53, 0.54, x + w * 0.59, 0.56, (30, 30, 34))
    stage.box(x + w * 0.08, 0.53, x + w * 0.25, 0.56, (206, 200, 184))


def cabinets(stage: Stage, x: float, w: float) -> None:
    for column in range(max(2, int(w / 0.07))):
        left = x + column * 0.07
        stage.box(left, 0.24, left + 0.066, FLOOR + 0.02, (112, 120, 118))
        for row in range(4):
            stage.box(left + 0.006, 0.26 + row * 0.1, left + 0.06, 0.34 + row * 0.1, (92, 100, 98))
            stage.box(left + 0.024, 0.285 + row * 0.1, left + 0.042, 0.295 + row * 0.1, (180, 184, 180))


def plant(stage: Stage, x: float, w: float) -> None:
    brush = stage.brush(x, 0.62, 0.1)
    brush.polygon(((-0.5, 0), (0.5, 0), (0.38, 1.0), (-0.38, 1.0)), (138, 84, 58))
    for leaf, (dx, dy) in enumerate(
        ((-1.3, -1.2), (1.2, -1.4), (-0.6, -2.2), (0.7, -2.3), (0.0, -2.7), (-1.4, -0.4), (1.5, -0.5))
    ):
        brush.blob(
            ((0, 0), (dx * 0.5 - 0.22, dy * 0.6), (dx, dy), (dx * 0.5 + 0.22, dy * 0.5)),
            tone((58, 96, 58), 0.7 + 0.1 * (leaf % 4)),
        )


def tubes(stage: Stage, x: float, w: float) -> None:
    """Fluorescent tubes under a ceiling."""
    for part in (0.0, 0.55):
        left = x + w * part
        stage.shine_box(left, 0.035, left + w * 0.4, 0.05, (214, 236, 232), 0.35 + 0.65 * stage.light.lamps)
        stage.pool(left + w * 0.2, 0.2, 0.5, (206, 232, 226), 0.3 + 0.25 * stage.light.lamps)


def booth(stage: Stage, x: float, w: float) -> None:
    leather = (134, 40, 40)
    for side in (0, 0.72):
        stage.box(x + w * side, 0.42, x + w * (side + 0.28), 0.8, tone(leather, 0.8 if side else 1.0))
        for seam in range(1, 4):
            stage.box(
                x + w * (side + 0.07 * seam),
                0.44,
                x + w * (side + 0.07 * seam) + 0.002,
                0.78,
                tone(leather, 0.5),
            )
    stage.box(x + w * 0.24, 0.6, x + w * 0.76, 0.63, (206, 200, 190))
    stage.box(x + w * 0.48, 0.63, x + w * 0.52, 0.82, (96, 98, 100))


def sign(stage: Stage, x: float, w: float) -> None:
    """A neon tube in the shape of an arrow and a bar."""
    colour = (255, 70, 120)
    for left, top, right, bottom in (
        (0, 0.16, 1, 0.175),
        (0, 0.27, 1, 0.285),
        (0, 0.16, 0.03, 0.285),
        (0.97, 0.16, 1, 0.285),
    ):
        stage.shine_box(x + w * left, top, x + w * right, bottom, colour, 0.3 + 0.7 * stage.light.lamps)
    for letter in range(4):
        left = x + w * (0.14 + 0.19 * letter)
        stage.shine_box(left, 0.2, left + 0.006, 0.25, (110, 230, 240), 0.3 + 0.7 * stage.light.lamps)
        stage.shine_box(
            left,
            0.2 + 0.02 * (letter % 3),
            left + w * 0.1,
            0.21 + 0.02 * (letter % 3),
            (110, 230, 240),
            0.3 + 0.7 * stage.light.lamps,
        )
    stage.pool(x + w / 2, 0.25, 0.45, colour, 0.7 * stage.light.lamps)


def pillar(stage: Stage, x: float, w: float) -> None:
    stage.box(x, 0, x + w, 0.8, (128, 122, 112))
    stage.box(
        x + w * (0.6 if stage.key < 0 else 0), 0, x + w * (1 if stage.key < 0 else 0.4), 0.8, (84, 80, 76)
    )
    stage.box(x - 0.01, 0.74, x + w + 0.01, 0.82, (100, 96, 90))
