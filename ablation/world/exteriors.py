"""Skies, streets, water and trees. Every element is drawn at `x` (share of the plate) with the width `w`."""

from ablation.world.canvas import Colour, mix, tone
from ablation.world.interiors import WARM
from ablation.world.stage import Stage

HORIZON = 0.56


def haze(stage: Stage, colour: Colour, share: float) -> Colour:
    """Air perspective: far things take the colour of the sky above the horizon."""
    return mix(colour, stage.light.sky[1], share)


def open_air(stage: Stage, wall: Colour, floor: Colour, tilt: float) -> None:
    """Sky, a far ridge and the ground; `wall` colours the ridge."""
    stage.sky(HORIZON + 0.02)
    points = [(0.0, HORIZON + 0.02)]
    for step in range(13):
        points.append((step / 12, HORIZON - 0.03 - 0.11 * float(stage.generator.random())))
    stage.shape([*points, (1.0, HORIZON + 0.02)], haze(stage, wall, 0.6))
    stage.ground(HORIZON, tone(floor, 1.1), haze(stage, floor, 0.25))


def houses(stage: Stage, x: float, w: float) -> None:
    """A row of facades with windows, some of them lit."""
    left = x
    while left < x + w - 0.02:
        wide = 0.08 + 0.07 * float(stage.generator.random())
        top = 0.02 + 0.2 * float(stage.generator.random())
        wall = ((112, 84, 70), (124, 112, 98), (92, 88, 92), (134, 104, 78))[int(stage.generator.integers(4))]
        stage.box(left, top, left + wide, HORIZON + 0.1, haze(stage, wall, 0.12))
        stage.box(left, top, left + wide, top + 0.02, tone(wall, 0.5))
        _panes(stage, left, top, wide)
        left += wide


def _panes(stage: Stage, left: float, top: float, wide: float) -> None:
    columns = max(2, int(wide / 0.035))
    for row in range(5):
        y = top + 0.06 + row * 0.1
        if y > HORIZON - 0.1:
            break
        for column in range(columns):
            x = left + wide * (column + 0.25) / columns
            right = x + wide * 0.5 / columns
            stage.box(x, y, right, y + 0.06, (44, 50, 58))
            if stage.generator.random() < 0.45 * stage.light.lamps:
                stage.shine_box(x, y, right, y + 0.06, WARM, 0.4 + 0.5 * float(stage.generator.random()))
    stage.box(left + wide * 0.35, HORIZON - 0.06, left + wide * 0.65, HORIZON + 0.1, (48, 40, 36))


def shop(stage: Stage, x: float, w: float) -> None:
    stage.box(x, 0.08, x + w, HORIZON + 0.12, (86, 70, 62))
    stage.box(x + w * 0.06, 0.3, x + w * 0.66, HORIZON + 0.06, (92, 104, 108))
    stage.shine_box(x + w * 0.06, 0.3, x + w * 0.66, HORIZON + 0.06, WARM, 0.75 * stage.light.lamps)
    for goods in range(5):
        stage.box(
            x + w * (0.1 + 0.11 * goods), 0.48, x + w * (0.16 + 0.11 * goods), HORIZON + 0.06, (72, 56, 48)
        )
    stage.box(x + w * 0.74, 0.28, x + w * 0.94, HORIZON + 0.12, (52, 40, 34))
    for stripe in range(8):
        left = x + w * stripe / 8
        stage.shape(
            [(left, 0.22), (left + w / 8, 0.22), (left + w / 8 + 0.006, 0.31), (left + 0.006, 0.31)],
            (160, 52, 46) if stripe % 2 else (208, 200, 184),
        )
    stage.pool(x + w * 0.4, 0.6, 0.45, WARM, 0.7 * stage.light.lamps)


def street_lamp(stage: Stage, x: float, w: float) -> None:
    stage.line([(x, 0.1), (x, 0.72)], 6, (30, 32, 34))
    stage.line([(x, 0.1), (x + 0.03, 0.07), (x + 0.05, 0.08)], 5, (30, 32, 34))
    stage.shine_oval(x + 0.055, 0.095, 0.026, 0.02, (255, 226, 170), stage.light.lamps)
    stage.pool(x + 0.055, 0.3, 0.5, WARM, 0.75 * stage.light.lamps)


def road(stage: Stage, x: float, w: float) -> None:
    """Asphalt that runs to a vanishing point at x."""
    stage.shape(
        [(x - 0.02, HORIZON), (x + 0.02, HORIZON), (x + w * 1.2, 1.0), (x - w * 1.2, 1.0)], (66, 66, 70)
    )
    for step in range(6):
        near, far = (
            HORIZON + 0.02 + 0.44 * (step / 6) ** 1.6,
            HORIZON + 0.02 + 0.44 * ((step + 0.5) / 6) ** 1.6,
        )
        thick = 0.001 + 0.012 * (step / 6)
        stage.shape(
            [(x - thick, near), (x + thick, near), (x + thick * 1.4, far), (x - thick * 1.4, far)],
            (180, 172, 140),
        )


def pavement(stage: Stage, x: float, w: float) -> None:
    stage.shape(
        [(0, HORIZON + 0.1), (1, HORIZON + 0.1), (1, HORIZON + 0.2), (0, HORIZON + 0.24)], (112, 110, 106)
    )
    stage.line([(0, HORIZON + 0.24), (1, HORIZON + 0.2)], 4, (62, 60, 60))
    for lamp in range(3):
        stage.shine_oval(0.2 + 0.3 * lamp, 0.9, 0.12, 0.008, stage.light.sky[1], 0.25)


def car(stage: Stage, x: float, w: float) -> None:
    paint = ((120, 34, 34), (48, 66, 86), (150, 146, 136))[int(stage.generator.integers(3))]
    brush = stage.brush(x, 0.68, 0.1)
    brush.polygon(
        (
            (-1.9, -0.3),
            (-1.2, -0.35),
            (-0.7, -1.05),
            (0.75, -1.05),
            (1.3, -0.35),
            (2.1, -0.2),
            (2.15, 0.45),
            (-1.95, 0.45),
        ),
        paint,
    )
    brush.polygon(((-1.0, -0.38), (-0.6, -0.92), (0.0, -0.92), (0.0, -0.38)), (70, 84, 92))
    brush.polygon(((0.1, -0.38), (0.1, -0.92), (0.66, -0.92), (1.05, -0.38)), (60, 72, 80))
    for wheel in (-1.15, 1.25):
        brush.ellipse(wheel, 0.45, 0.36, 0.36, (20, 20, 22))
        brush.ellipse(wheel, 0.45, 0.17, 0.17, (120, 122, 124))
    stage.shine_oval(x + 0.1, 0.67, 0.016, 0.012, (255, 240, 200), 0.25 + 0.7 * stage.light.lamps)


def trees(stage: Stage, x: float, w: float) -> None:
    """Trunks in three depths, the far ones thin and hazy."""
    for depth, (share, thick, foot) in enumerate(((0.5, 0.007, 0.6), (0.28, 0.014, 0.66), (0.0, 0.03, 0.8))):
        for _ in range((12, 7, 2)[depth]):
            at = x + w * float(stage.generator.random())
            bark = haze(stage, (54, 46, 38), share)
            lean = 0.02 * float(stage.generator.random() - 0.5)
            stage.shape(
                [(at, 0), (at + thick, 0), (at + thick * 1.5 + lean, foot), (at - thick * 0.5 + lean, foot)],
                bark,
            )
            leaf = haze(stage, (44, 66, 44), share)
            for cluster in stage.generator.random((3, 2)):
                stage.oval(
                    at + 0.1 * (cluster[0] - 0.5),
                    0.02 + 0.18 * cluster[1],
                    0.1 + 0.06 * depth,
                    0.07 + 0.02 * depth,
                    tone(leaf, 0.7 + 0.4 * cluster[0]),
                )


def undergrowth(stage: Stage, x: float, w: float) -> None:
    for tuft in stage.generator.random((26, 3)):
        at, foot = x + w * tuft[0], 0.62 + 0.3 * tuft[1]
        tall = 0.04 + 0.12 * tuft[1]
        stage.shape(
            [
                (at - 0.02, foot),
                (at - 0.012, foot - tall),
                (at, foot - tall * 0.5),
                (at + 0.014, foot - tall * 1.1),
                (at + 0.022, foot),
            ],
            tone((58, 76, 44), 0.6 + 0.5 * tuft[2]),
        )


def water(stage: Stage, x: float, w: float) -> None:
    stage.ground(HORIZON, mix(stage.light.sky[0], (24, 40, 52), 0.55), haze(stage, (60, 84, 98), 0.6))
    for ripple in stage.generator.random((60, 3)):
        depth = ripple[1] ** 1.5
        y, half = HORIZON + 0.02 + 0.42 * depth, 0.01 + 0.04 * depth
        stage.line(
            [(ripple[0] - half, y), (ripple[0] + half, y)],
            1 + 3 * depth,
            mix(stage.light.sky[1], (40, 56, 68), 0.2 + 0.6 * ripple[2]),
        )


def boats(stage: Stage, x: float, w: float) -> None:
    for index in range(3):
        brush = stage.brush(x + w * (0.15 + 0.33 * index), HORIZON + 0.05 + 0.03 * index, 0.07 + 0.02 * index)
        hull = ((150, 60, 50), (58, 84, 106), (186, 180, 166))[index]
        brush.polygon(((-1.4, -0.3), (1.6, -0.45), (1.2, 0.35), (-1.1, 0.35)), hull)
        brush.polygon(((-0.6, -1.0), (0.4, -1.0), (0.5, -0.35), (-0.6, -0.3)), (204, 198, 184))
        brush.stroke(((0.1, -0.4), (0.1, -3.4)), 0.08, (66, 54, 44))
        brush.stroke(((0.1, -3.2), (1.5, -0.5)), 0.03, (66, 54, 44))
    stage.shine_oval(x + w * 0.15, HORIZON - 0.02, 0.012, 0.012, WARM, stage.light.lamps)


def quay(stage: Stage, x: float, w: float) -> None:
    stage.shape([(0, 0.76), (1, 0.7), (1, 1), (0, 1)], (98, 92, 86))
    for plank in range(14):
        stage.line(
            [(plank / 12 - 0.05, 0.76 - 0.06 * plank / 12), ((plank / 12 - 0.5) * 1.7 + 0.5, 1.0)],
            2,
            (58, 54, 50),
        )
    for post in (0.1, 0.46, 0.83):
        stage.box(x + w * post, 0.64, x + w * post + 0.02, 0.79, (52, 44, 38))


def crane(stage: Stage, x: float, w: float) -> None:
    iron = haze(stage, (64, 60, 62), 0.3)
    for points in (
        [(x, HORIZON), (x + 0.015, 0.1)],
        [(x + 0.05, HORIZON), (x + 0.035, 0.1)],
        [(x - 0.08, 0.16), (x + 0.2, 0.06)],
        [(x + 0.19, 0.06), (x + 0.19, 0.34)],
    ):
        stage.line(points, 5, iron)
    for step in range(7):
        stage.line(
            [
                (x + 0.002 * step, HORIZON - 0.065 * step),
                (x + 0.05 - 0.002 * step, HORIZON - 0.065 * (step + 1)),
            ],
            2,
            iron,
        )


def skyline(stage: Stage, x: float, w: float) -> None:
    for depth, share in enumerate((0.55, 0.25)):
        left = x - 0.02
        while left < x + w:
            wide = 0.03 + 0.05 * float(stage.generator.random())
            top = HORIZON - (0.36 - 0.12 * depth) * (0.3 + 0.7 * float(stage.generator.random()))
            wall = haze(stage, (56, 60, 70), share)
            stage.box(left, top, left + wide, HORIZON + 0.08, wall)
            for pane in stage.generator.random((8, 2)):
                if pane[0] < stage.light.lamps:
                    px, py = left + wide * (0.1 + 0.7 * pane[0]), top + 0.02 + (HORIZON - top) * 0.9 * pane[1]
                    stage.shine_box(px, py, px + 0.004, py + 0.012, WARM, 0.5 + 0.3 * pane[1])
            left += wide + 0.006 * depth


def parapet(stage: Stage, x: float, w: float) -> None:
    stage.box(0, HORIZON + 0.04, 1, HORIZON + 0.07, (128, 118, 108))
    stage.box(0, HORIZON + 0.07, 1, HORIZON + 0.2, (96, 82, 74))
    for brick in range(24):
        stage.box(
            brick / 24,
            HORIZON + 0.07 + 0.04 * (brick % 3),
            brick / 24 + 0.03,
            HORIZON + 0.075 + 0.04 * (brick % 3),
            (70, 60, 54),
        )
    stage.ground(HORIZON + 0.2, (84, 80, 78), (58, 56, 56))


def water_tower(stage: Stage, x: float, w: float) -> None:
    for leg in (0.0, 0.05, 0.1):
        stage.line([(x + leg, 0.3), (x + leg * 1.2 - 0.01, 0.62)], 4, (44, 36, 32))
    stage.box(x - 0.01, 0.12, x + 0.11, 0.32, (92, 66, 48))
    stage.shape([(x - 0.02, 0.12), (x + 0.05, 0.03), (x + 0.12, 0.12)], (66, 50, 42))


def train(stage: Stage, x: float, w: float) -> None:
    stage.box(x, 0.16, x + w, 0.7, (58, 84, 78))
    stage.box(x, 0.5, x + w, 0.53, (196, 178, 120))
    for pane in range(max(2, int(w / 0.1))):
        left = x + 0.015 + pane * 0.1
        stage.box(left, 0.24, left + 0.07, 0.44, (90, 104, 110))
        stage.shine_box(left, 0.24, left + 0.07, 0.44, (250, 222, 164), 0.2 + 0.65 * stage.light.lamps)
    stage.box(x, 0.68, x + w, 0.74, (28, 28, 30))
    stage.pool(x + w / 2, 0.5, 0.4, WARM, 0.4 * stage.light.lamps)


def platform(stage: Stage, x: float, w: float) -> None:
    stage.shape([(0, 0.74), (1, 0.7), (1, 1), (0, 1)], (124, 118, 108))
    stage.shape([(0, 0.77), (1, 0.73), (1, 0.75), (0, 0.795)], (206, 178, 84))


def canopy(stage: Stage, x: float, w: float) -> None:
    stage.shape([(0, 0), (1, 0), (1, 0.07), (0, 0.13)], (52, 54, 58))
    for lamp in (0.18, 0.5, 0.82):
        stage.shine_box(
            lamp - 0.03,
            0.115 - 0.06 * lamp,
            lamp + 0.03,
            0.13 - 0.06 * lamp,
            (230, 236, 214),
            0.2 + 0.75 * stage.light.lamps,
        )
        stage.pool(lamp, 0.4, 0.4, (230, 232, 206), 0.55 * stage.light.lamps)
