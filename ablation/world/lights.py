"""Light and film stock: what falls on a place, and the grade that turns it into film."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ablation.world.canvas import GRAIN_REACH, Colour

Share3 = tuple[float, float, float]
PIVOT = 0.15
STOPS = 6
"""Exposure steps in a stop: six steps double the light."""


@dataclass(frozen=True)
class Light:
    sky: tuple[Colour, Colour]
    """Top and horizon."""
    ambient: Share3
    """Share of the painted colour that every point shows."""
    key: Share3
    """Added where the key light falls."""
    lamps: float
    """Strength of lamps and lit windows of houses, 0 is off."""
    daylight: float
    """Brightness of a window seen from inside."""
    shadows: Colour
    """Tint of the deepest black."""
    highlights: Share3
    """Gain of red, green, blue at white."""


LIGHTS: dict[str, Light] = {
    "daylight": Light(((92, 140, 200), (214, 226, 232)), (0.3, 0.33, 0.38), (0.8, 0.75, 0.64), 0.1, 1.0, (4, 5, 9), (1.0, 0.98, 0.94)),
    "overcast": Light(((150, 158, 166), (206, 210, 212)), (0.42, 0.45, 0.48), (0.36, 0.38, 0.4), 0.3, 0.95, (6, 8, 10), (0.95, 0.98, 1.0)),
    "golden": Light(((150, 136, 140), (255, 196, 112)), (0.24, 0.2, 0.2), (0.95, 0.64, 0.32), 0.4, 1.0, (10, 5, 4), (1.06, 0.95, 0.76)),
    "dusk": Light(((34, 46, 96), (214, 128, 104)), (0.2, 0.22, 0.34), (0.5, 0.3, 0.26), 0.9, 0.5, (4, 5, 14), (0.98, 0.9, 0.96)),
    "lamplight": Light(((8, 12, 26), (24, 30, 48)), (0.14, 0.11, 0.09), (0.26, 0.18, 0.1), 1.0, 0.1, (7, 4, 3), (1.08, 0.92, 0.68)),
    "night": Light(((6, 9, 24), (36, 54, 96)), (0.13, 0.17, 0.26), (0.34, 0.42, 0.56), 0.9, 0.16, (2, 4, 10), (0.86, 0.96, 1.1)),
    "neon": Light(((14, 8, 30), (84, 34, 92)), (0.16, 0.11, 0.24), (0.66, 0.2, 0.6), 1.0, 0.25, (7, 3, 12), (1.04, 0.88, 1.08)),
    "rain": Light(((70, 80, 92), (138, 148, 156)), (0.26, 0.3, 0.35), (0.22, 0.25, 0.28), 0.7, 0.7, (4, 7, 10), (0.88, 0.95, 1.0)),
    "fog": Light(((184, 190, 194), (228, 230, 230)), (0.52, 0.54, 0.56), (0.2, 0.2, 0.2), 0.4, 1.0, (16, 18, 20), (0.98, 1.0, 1.0)),
}  # fmt: skip
NAMES = tuple(LIGHTS)


@lru_cache(maxsize=512)
def grade_table(name: str, exposure: int, contrast: int) -> list[int]:
    """The 768-entry lookup table of a light: exposure (in STOPS), shoulder, toe, contrast (steps), tint."""
    light, gain = LIGHTS[name], 2 ** (exposure / STOPS)
    values = film(np.arange(256) / 255 * gain)
    values = np.clip(PIVOT + (values - PIVOT) * (1 + 0.12 * contrast), 0, 1)
    low, high = GRAIN_REACH, 255 - GRAIN_REACH
    table: list[int] = []
    for shadow, tint in zip(light.shadows, light.highlights, strict=True):
        levels = low + shadow + (255 - shadow) * values * tint
        table += np.clip(np.round(levels), low, high).astype(int).tolist()
    return table


def film(value: np.ndarray) -> np.ndarray:
    """What film makes of light: a shoulder that never quite clips, then a toe that deepens the shadows."""
    value = np.minimum(1, ((1 - np.exp(-2.2 * value)) / 0.8892) ** 1.3)
    return 0.15 * value + 0.85 * value * value * (3 - 2 * value)
