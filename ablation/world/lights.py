"""Light and film stock: what falls on a place, and the grade that turns it into film."""

from dataclasses import dataclass
from functools import lru_cache

from ablation.world.canvas import Colour


@dataclass(frozen=True)
class Light:
    sky: tuple[Colour, Colour]
    """Top and horizon."""
    ambient: tuple[float, float, float]
    """Share of the painted colour that every point shows."""
    key: tuple[float, float, float]
    """Added near the key side."""
    lamps: float
    """Strength of lamps and lit windows of houses, 0 is off."""
    daylight: float
    """Brightness of a window seen from inside."""
    shadows: tuple[int, int, int]
    """Tint of the deepest black, 0..255."""
    highlights: tuple[float, float, float]
    """Gain of red, green, blue at white."""
    gamma: float
    """Above 1 darkens the middle tones."""


LIGHTS: dict[str, Light] = {
    "daylight": Light(
        ((120, 160, 206), (206, 218, 226)),
        (0.5, 0.51, 0.54),
        (0.5, 0.48, 0.42),
        0.15,
        1.0,
        (8, 9, 12),
        (1.0, 0.98, 0.94),
        1.1,
    ),
    "overcast": Light(
        ((134, 142, 150), (186, 190, 192)),
        (0.5, 0.53, 0.56),
        (0.2, 0.22, 0.24),
        0.3,
        0.85,
        (10, 13, 16),
        (0.9, 0.94, 0.96),
        1.15,
    ),
    "golden": Light(
        ((128, 124, 140), (248, 190, 116)),
        (0.36, 0.3, 0.28),
        (0.62, 0.44, 0.24),
        0.4,
        1.0,
        (14, 9, 8),
        (1.04, 0.95, 0.78),
        1.15,
    ),
    "dusk": Light(
        ((40, 50, 92), (198, 124, 108)),
        (0.3, 0.3, 0.4),
        (0.34, 0.24, 0.22),
        0.9,
        0.5,
        (8, 9, 18),
        (0.96, 0.9, 0.95),
        1.2,
    ),
    "lamplight": Light(
        ((10, 14, 28), (24, 30, 48)),
        (0.24, 0.2, 0.17),
        (0.2, 0.15, 0.09),
        1.0,
        0.12,
        (10, 6, 5),
        (1.06, 0.92, 0.7),
        1.15,
    ),
    "night": Light(
        ((6, 9, 22), (34, 48, 84)),
        (0.24, 0.29, 0.38),
        (0.22, 0.27, 0.36),
        0.85,
        0.16,
        (3, 6, 13),
        (0.86, 0.95, 1.08),
        1.15,
    ),
    "neon": Light(
        ((14, 8, 28), (70, 30, 78)),
        (0.28, 0.2, 0.34),
        (0.36, 0.12, 0.34),
        1.0,
        0.25,
        (9, 4, 15),
        (1.02, 0.88, 1.06),
        1.15,
    ),
    "rain": Light(
        ((56, 64, 74), (108, 116, 122)),
        (0.32, 0.36, 0.4),
        (0.1, 0.12, 0.14),
        0.7,
        0.6,
        (6, 10, 14),
        (0.86, 0.93, 0.98),
        1.2,
    ),
}
NAMES = tuple(LIGHTS)


@lru_cache(maxsize=32)
def grade_table(name: str) -> list[int]:
    """The 768-entry lookup table of a light: toe, gamma, shoulder, tint."""
    light = LIGHTS[name]
    table = []
    for shadow, gain in zip(light.shadows, light.highlights, strict=True):
        for level in range(256):
            value = (level / 255) ** light.gamma
            value = value * value * (3 - 2 * value) * 0.4 + value * 0.6
            table.append(max(0, min(255, round(shadow + (255 - shadow) * value * gain))))
    return table
