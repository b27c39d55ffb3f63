"""A place as the camera sees it from one angle, developed once and then seen through many lenses."""

from functools import lru_cache

import numpy as np

from ablation.world import cabins, exteriors, interiors
from ablation.world.develop import Plate, develop
from ablation.world.stage import Stage
from ablation.world.state import Venue

SHELLS = {"room": interiors.room, "open_air": exteriors.open_air, "cabin": cabins.cabin}
TILTS = (0.7, -0.7, 0.35)


def key_side(venue: Venue, angle: int) -> int:
    """Looking the other way, the same lamp stands on the other side."""
    return -venue.key if angle == 1 else venue.key


def _element(name: str):
    return getattr(interiors, name, None) or getattr(exteriors, name)


@lru_cache(maxsize=16)
def whole_plate(venue: Venue, angle: int) -> Plate:
    generator = np.random.default_rng([venue.seed, angle])
    stage = Stage(venue.light, key_side(venue, angle), generator)
    place = venue.place
    SHELLS[place.kind](stage, place.wall, place.floor, TILTS[angle])
    for name, x, width in place.angles[angle]:
        _element(name)(stage, x, width)
    return develop(stage, venue.patterns[angle], venue.seed + angle, indoors=place.kind != "open_air")
