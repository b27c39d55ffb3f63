"""The plate behind the people: an albedo picture, lights that fall on it, and parts that shine by themselves."""

from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from ablation.world.canvas import PLATE, Brush, Colour, gradient, plaster, tone
from ablation.world.lights import LIGHTS, Light

SIZE = (PLATE[0] * 3 // 2, PLATE[1] * 3 // 2)
"""Plates are painted at one and a half times the frame's scale."""
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
        self.plate.paste(gradient((SIZE[0], round(bottom * SIZE[1])), *self.light.sky), (0, 0))
        self.shine.paste(
            gradient((SIZE[0], round(bottom * SIZE[1])), *(tone(c, 0.92) for c in self.light.sky)), (0, 0)
        )


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


@dataclass(frozen=True)
class Plate:
    """A finished background, and what the people in front of it need."""

    lit: Image.Image
    light: Image.Image
    bloom: Image.Image


def _light_map(stage: Stage) -> Image.Image:
    width, height = SIZE[0] // 12, SIZE[1] // 12
    y, x = np.mgrid[0:height, 0:width]
    x, y = x / width, y / height
    light = stage.light
    near_key = np.clip(0.5 + stage.key * (x - 0.5) * 1.1, 0, 1) ** 1.4
    total = np.array(light.ambient) + near_key[..., None] * np.array(light.key) * (1 - 0.35 * y[..., None])
    for centre_x, centre_y, radius, colour, strength in stage.pools:
        distance = ((x - centre_x) * SIZE[0] / SIZE[1]) ** 2 + (y - centre_y) ** 2
        fall = strength * np.exp(-distance / (radius * radius))
        total = total + fall[..., None] * (np.array(colour) / 255)
    return Image.fromarray((255 * np.clip(total, 0, 1)).astype(np.uint8))


def develop(stage: Stage) -> Plate:
    light = _light_map(stage)
    plate = ImageChops.multiply(stage.plate, plaster(SIZE))
    plate = ImageChops.multiply(plate, light.resize(SIZE, Image.Resampling.BILINEAR))
    lit = ImageChops.lighter(plate, stage.shine)
    small = stage.shine.reduce(6)
    bloom = small.filter(ImageFilter.BoxBlur(5)).point(lambda level: level * 0.42)
    return Plate(lit, light, bloom)


def crop_plate(plate: Plate, centre: tuple[float, float], zoom: float, blur: float) -> Plate:
    """The plate as a longer lens sees it; `blur` in pixels of the frame is the depth of field."""
    width, height = 1 / zoom, 1 / zoom
    left = min(max(centre[0] - width / 2, 0), 1 - width)
    top = min(max(centre[1] - height / 2, 0), 1 - height)
    parts = []
    for picture in (plate.lit, plate.light, plate.bloom):
        box = (
            left * picture.width,
            top * picture.height,
            (left + width) * picture.width,
            (top + height) * picture.height,
        )
        parts.append((picture, box))
    (lit, lit_box), *soft = parts
    if blur >= 2:
        factor = 4 if blur >= 5 else 2
        small = lit.resize((PLATE[0] // factor, PLATE[1] // factor), Image.Resampling.BOX, box=lit_box)
        sharp = small.filter(ImageFilter.GaussianBlur(blur / factor)).resize(PLATE, Image.Resampling.BICUBIC)
    else:
        sharp = lit.resize(PLATE, Image.Resampling.HAMMING, box=lit_box)
    light, bloom = (picture.resize(PLATE, Image.Resampling.BILINEAR, box=box) for picture, box in soft)
    return Plate(sharp, light, bloom)
