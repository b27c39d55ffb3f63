"""The inside of a car, looked at through the windscreen: the world behind three windows, seats, a mirror."""

from ablation.world.canvas import Colour, tone
from ablation.world.exteriors import haze
from ablation.world.interiors import WARM
from ablation.world.stage import Stage

LAMPS: tuple[Colour, ...] = (WARM, (255, 90, 80), (160, 200, 255))


def cabin(stage: Stage, wall: Colour, floor: Colour, tilt: float) -> None:
    """`tilt` moves the windows as the camera goes from one side of the bonnet to the other."""
    stage.sky(0.64)
    _street(stage)
    shift, shell = 0.09 * tilt, tone(wall, 0.3)
    stage.shape([(0, 0), (1, 0), (1, 0.12), (0.86, 0.09), (0.14, 0.09), (0, 0.12)], tone(wall, 0.44))
    for top, bottom, wide in ((0.3, 0.34, 0.05), (0.7, 0.66, 0.05)):
        top, bottom = top + shift, bottom + shift
        stage.shape(
            [(top - wide, 0.08), (top + wide, 0.08), (bottom + wide, 0.6), (bottom - wide, 0.6)], shell
        )
    for edge, inner in ((0.0, 0.045), (1.0, 0.955)):
        stage.shape([(edge, 0), (inner + shift * 0.4, 0.09), (inner - shift * 0.4, 0.6), (edge, 0.6)], shell)
    stage.box(0, 0.56, 1, 1, tone(wall, 0.4))
    stage.shape([(0, 0.56), (1, 0.56), (1, 0.585), (0, 0.585)], tone(wall, 0.7))
    for seat in (0.25, 0.75):
        _seat(stage, seat + 0.6 * shift, wall)
    stage.shape([(0.435, 0.06), (0.565, 0.06), (0.56, 0.145), (0.44, 0.145)], (16, 16, 18))
    stage.pool(0.5 + 0.5 * stage.key, 0.35, 0.7, stage.light.sky[1], 0.45)
    stage.pool(0.5, 0.62, 0.5, WARM, 0.3 * stage.light.lamps)


def _street(stage: Stage) -> None:
    left = 0.0
    while left < 1.0:
        wide = 0.05 + 0.1 * float(stage.generator.random())
        top = 0.2 + 0.26 * float(stage.generator.random())
        stage.box(left, top, left + wide, 0.66, haze(stage, (84, 86, 84), 0.35))
        if stage.generator.random() < stage.light.lamps:
            colour = LAMPS[int(stage.generator.integers(3))]
            stage.shine_oval(left + 0.5 * wide, top + 0.08, 0.024, 0.024, colour, 0.95)
        left += wide


def _seat(stage: Stage, middle: float, wall: Colour) -> None:
    brush = stage.brush(middle, 0.5, 0.1)
    brush.blob(((-1.6, 0.3), (1.6, 0.3), (2.2, 1.2), (2.3, 5.2), (-2.3, 5.2), (-2.2, 1.2)), tone(wall, 0.62))
    brush.blob(((-1.2, 0.7), (1.2, 0.7), (1.5, 5.2), (-1.5, 5.2)), tone(wall, 0.54))
    brush.blob(
        ((-0.8, -1.0), (0.8, -1.0), (0.95, -0.1), (0.7, 0.4), (-0.7, 0.4), (-0.95, -0.1)), tone(wall, 0.56)
    )
