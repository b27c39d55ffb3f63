"""Where the key light falls: patterns of light and shadow over a place, and the shafts they throw into the air."""

import numpy as np

PATTERNS = ("side", "patch", "blinds", "pool", "back", "low", "shade", "dapple")
FIGURE_SHARES = {"back": 0.62, "low": 0.6, "pool": 0.95}
"""How much of the light people get, 1 where nothing stands here."""
SHAFTS = ("patch", "blinds", "back")
"""Patterns of a light that can be seen in the air of a room."""


def figure_share(pattern: str) -> float:
    return FIGURE_SHARES.get(pattern, 1.0)


def key_share(pattern: str, x: np.ndarray, y: np.ndarray, key: int, seed: int) -> np.ndarray:
    """Share of the key light at plate positions 0..1; `key` is its side, `seed` moves the pattern."""
    offset = ((seed % 97) / 96 - 0.5) * 0.24
    side = np.clip(0.5 + key * (x - 0.5) * 1.3, 0, 1) ** 1.7 * (1 - 0.3 * y)
    if pattern == "side":
        return side
    if pattern == "patch":
        return np.maximum(0.18 * side, _patch(x - offset, y, key, half=0.17) * _bars(x - offset, y, key))
    if pattern == "blinds":
        slats = np.clip(0.5 + 2.5 * np.sin(2 * np.pi * (y + 0.12 * key * x) * 13), 0, 1)
        return np.maximum(0.15 * side, _patch(x - offset, y, key, half=0.27) * slats)
    if pattern == "pool":
        return np.exp(-(((x - 0.5 - offset) / 0.24) ** 2) - ((y - 0.42) / 0.5) ** 2)
    if pattern == "back":
        return 0.5 + 0.5 * np.exp(-(((x - 0.5 - 0.2 * key - offset) / 0.32) ** 2) - ((y - 0.3) / 0.4) ** 2)
    if pattern == "low":
        return 0.16 * side
    if pattern == "shade":
        edge = key * (x - 0.5 - offset) + 0.5 * (0.5 - y)
        return np.clip(0.5 + 22 * edge, 0.06, 1)
    return _dapple(x, y, seed)


def _patch(x: np.ndarray, y: np.ndarray, key: int, half: float) -> np.ndarray:
    """The slanted image of a window on the far wall."""
    along = x - 0.5 + key * 0.55 * (y - 0.35)
    return np.clip((half - np.abs(along)) * 45, 0, 1) * np.clip((0.3 - np.abs(y - 0.38)) * 30, 0, 1)


def _bars(x: np.ndarray, y: np.ndarray, key: int) -> np.ndarray:
    along = x - 0.5 + key * 0.55 * (y - 0.35)
    upright = np.clip((np.abs(along) - 0.008) * 90, 0, 1)
    return upright * np.clip((np.abs(y - 0.36) - 0.012) * 60, 0, 1)


def _dapple(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """Sun through leaves."""
    total = np.zeros_like(x)
    for number in range(5):
        phase = seed * (number + 1) * 0.37
        total += np.sin((9 + 5 * number) * x + (11 - 3 * number) * y + phase) / (1 + 0.3 * number)
    return np.clip(0.42 + 0.55 * total, 0.04, 1)
