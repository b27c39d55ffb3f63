"""A place as the camera sees it from one angle, developed once and then cropped for every shot."""

from functools import lru_cache

import numpy as np

from ablation.world import exteriors, interiors
from ablation.world.framing import Lens
from ablation.world.stage import Plate, Stage, crop_plate, develop
from ablation.world.state import Venue

SHELLS = {"room": interiors.room, "open_air": exteriors.open_air, "cabin": exteriors.cabin}
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
    return develop(stage)


@lru_cache(maxsize=48)
def seen_plate(venue: Venue, angle: int, lens: Lens) -> Plate:
    return crop_plate(whole_plate(venue, angle), lens.centre, lens.zoom, lens.blur)
