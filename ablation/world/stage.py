"""The plate behind the people: an albedo picture, lights that fall on it, and parts that shine by themselves."""

from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw

from ablation.world.canvas import CLOUD_SKIES, PLATE, Brush, Colour, clouds, gradient, mix, tone
from ablation.world.lights import LIGHTS, Light

SIZE = (PLATE[0] * 5 // 4, PLATE[1] * 5 // 4)
"""Plates are painted at one and a quarter times the frame's scale."""
FLOOR = 0.66
"""Height of the line between wall and floor, as a share of the plate."""


@dataclass
class Stage:
    """Positions are shares of the plate's width; heights are shares of its height. `key` is the side of the key light."""

    light_name: str
    key: int
    generator: np.random.Generator
    plate: Image.Image = field(default_factory=lambda: Image.new("RGB", SIZE))
    shine: Image.Image = field(default_factory=lambda: Image.new("RGB", SIZE))
    pools: list[tuple[float, float, float, Colour, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.draw = ImageDraw.Draw(self.plate)
        self.glow = ImageDraw.Draw(self.shine)
        self.light: Light = LIGHTS[self.light_name]

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        self.draw.rectangle(_pixels(left, top, right, bottom), fill=colour)
        self.glow.rectangle(_pixels(left, top, right, bottom), fill=(0, 0, 0))

    def shape(self, points: list[tuple[float, float]], colour: Colour) -> None:
        flat = [value for x, y in points for value in (x * SIZE[0], y * SIZE[1])]
        self.draw.polygon(flat, fill=colour)
        self.glow.polygon(flat, fill=(0, 0, 0))

    def line(self, points: list[tuple[float, float]], width: float, colour: Colour) -> None:
        """`width` in pixels of the plate."""
        flat = [value for x, y in points for value in (x * SIZE[0], y * SIZE[1])]
        self.draw.line(flat, fill=colour, width=max(1, round(width)))

    def oval(self, x: float, y: float, across: float, down: float, colour: Colour) -> None:
        """`across` and `down` are half axes in shares of the plate's height."""
        self.draw.ellipse(_oval(x, y, across, down), fill=colour)
        self.glow.ellipse(_oval(x, y, across, down), fill=(0, 0, 0))

    def brush(self, x: float, y: float, unit: float) -> Brush:
        """`unit` as a share of the plate's height."""
        return Brush(self.plate, (x * SIZE[0], y * SIZE[1]), unit * SIZE[1])

    def shine_box(
        self, left: float, top: float, right: float, bottom: float, colour: Colour, strength: float = 1.0
    ) -> None:
        self.glow.rectangle(_pixels(left, top, right, bottom), fill=tone(colour, strength))

    def shine_oval(
        self, x: float, y: float, across: float, down: float, colour: Colour, strength: float = 1.0
    ) -> None:
        self.glow.ellipse(_oval(x, y, across, down), fill=tone(colour, strength))

    def pool(self, x: float, y: float, radius: float, colour: Colour, strength: float) -> None:
        """Light falling around a point; `radius` in shares of the height."""
        if strength > 0.02:
            self.pools.append((x, y, radius, colour, strength))

    def ground(self, top: float, near: Colour, far: Colour) -> None:
        size = (SIZE[0], SIZE[1] - round(top * SIZE[1]))
        self.plate.paste(gradient(size, far, near), (0, SIZE[1] - size[1]))

    def sky(self, bottom: float) -> None:
        """Clouds, and where the light has one a sun low on the key side."""
        size = (SIZE[0], round(bottom * SIZE[1]))
        top, horizon = self.light.sky
        self.plate.paste(gradient(size, top, horizon), (0, 0))
        self.shine.paste(gradient(size, top, horizon), (0, 0))
        lit = mix(horizon, (255, 255, 255), 0.35) if self.light.daylight > 0.6 else tone(horizon, 1.15)
        mask = clouds(SIZE, int(self.generator.integers(CLOUD_SKIES))).crop((0, 0, *size))
        self.shine.paste(lit, (0, 0), mask)
        if self.light_name in ("golden", "dusk"):
            sun = 0.5 + 0.3 * self.key
            self.shine_oval(sun, bottom - 0.12, 0.075, 0.075, (255, 240, 196))
            self.pool(sun, bottom, 0.5, horizon, 0.5)
        if self.light_name == "night":
            self.shine_oval(0.5 + 0.36 * self.key, 0.13, 0.045, 0.045, (226, 232, 240))


def _pixels(left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
    return (min(left, right) * SIZE[0], top * SIZE[1], max(left, right) * SIZE[0], bottom * SIZE[1])


def _oval(x: float, y: float, across: float, down: float) -> tuple[float, float, float, float]:
    centre_x, centre_y = x * SIZE[0], y * SIZE[1]
    return (
        centre_x - across * SIZE[1],
        centre_y - down * SIZE[1],
        centre_x + across * SIZE[1],
        centre_y + down * SIZE[1],
    )
