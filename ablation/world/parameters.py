"""Every probability of the process in one place; calibration replaces fields of DIALS."""

from dataclasses import dataclass, field

from ablation.world.lights import NAMES as LIGHT_NAMES

SHOTS = ("wide", "two", "medium", "close", "over", "insert", "empty")


@dataclass(frozen=True)
class Dials:
    frames_fewest: int = 5
    frames_most: int = 22
    frames_mean: float = 13.0
    """Of a rounded normal distribution, truncated to fewest..most."""
    frames_spread: float = 3.6

    cast_sizes: tuple[float, ...] = (0, 0.5, 1.6, 2.5, 3, 2.6, 2.2, 1.6)
    """Weights of 1, 2, … 8 characters."""
    present_counts: tuple[float, ...] = (1, 4, 2.6)
    """Weights of 1, 2, 3 people in a scene."""
    newcomer: float = 0.15
    """How fast the weight of a person falls with the place in the cast: the leading parts come most often."""
    venue_counts: tuple[float, ...] = (1, 3, 3)
    """Weights of 1, 2, 3 places in a story."""
    light_weights: dict[str, float] = field(
        default_factory=lambda: dict(
            zip(LIGHT_NAMES, (2.2, 1.6, 1.6, 1.4, 1.6, 1.6, 0.9, 1.3, 1.0), strict=True)
        )
    )
    exposure_stops: tuple[int, ...] = (0, 0, 1, 2, 4)
    """Exposures of a place, in sixths of a stop: low key to high key."""
    exposure_weights: tuple[float, ...] = (1, 2, 2, 2, 1)
    angle_stops: tuple[int, ...] = (0, 0, 0, 1, 2)
    """Added to it at each of the three angles."""
    angle_weights: tuple[float, ...] = (1, 1.5, 2, 1.5, 1)
    metering_up: float = 1.05
    """How far the camera's exposure lifts dark views, 1 makes them as bright as the others."""
    metering_down: float = 0.84
    """How far it takes bright views down."""
    pattern_indoors: tuple[float, ...] = (1.6, 1.8, 1.2, 1.3, 1.4, 0.25, 0, 0)
    """Falls of the key light, in the order of shadows.PATTERNS."""
    pattern_outdoors: tuple[float, ...] = (1.8, 0, 0, 0.4, 1.6, 0.15, 1.6, 1.0)
    foreground_weights: tuple[float, ...] = (2.0, 1.2, 0.9, 0.9, 1.0, 1.0)
    """Things before the lens, in the order of foreground.FOREGROUNDS, where they can stand."""
    lamplight_indoors: float = 0.6
    """Chance that a room has its lamps on when the hour is dusk, night, neon or rain."""
    light_moves: float = 0.35
    """Chance that a further place of the story is visited at another hour."""

    scene_youngest: int = 3
    """Frames that a scene lasts at least."""
    scene_ends: float = 0.17
    """Chance per frame from then on."""
    opening_weights: tuple[float, ...] = (2.6, 1.8, 1.2, 0.6, 0.0, 0.3, 0.8)
    """Kinds of a scene's first shot, in the order of SHOTS."""
    hold: float = 0.145
    """Chance that the shot simply goes on: a near-identical frame."""
    back_two: float = 0.52
    """Chance of a return to the shot before the last: the A-B-A-B of dialogue."""
    back_three: float = 0.15
    cut_weights: dict[str, tuple[float, ...]] = field(
        default_factory=lambda: {
            "wide": (0.3, 2.2, 2.0, 1.3, 1.8, 0.4, 0.1),
            "two": (0.7, 0.5, 1.6, 1.8, 2.6, 0.5, 0.1),
            "medium": (0.8, 1.4, 1.6, 1.5, 1.8, 0.5, 0.1),
            "close": (0.7, 1.5, 1.2, 1.8, 1.8, 0.6, 0.1),
            "over": (0.6, 0.9, 1.1, 1.4, 3.4, 0.4, 0.1),
            "insert": (0.6, 1.5, 1.6, 1.9, 1.2, 0.1, 0.1),
            "empty": (2.2, 1.8, 1.8, 0.6, 0.8, 0.3, 0.1),
        }
    )
    """Next kind of shot after a cut, given the last one."""
    jump_cut: float = 0.05
    """Weight, beside 1 for the others, of the person or angle that the last shot already had."""
    return_identical: float = 0.25
    """Chance that a return repeats pose and face of the earlier shot."""
    drift_steps: int = 7
    """Positions of the hand-held camera per axis."""
    drift_pixels: int = 2
    """Between neighbouring positions."""
    light_steps: tuple[int, ...] = (-3, -1, 1, 3)
    """Exposures of a take, in sixths of a stop: clouds move, lamps are turned. A return has another than before."""
    hold_changes: float = 0.1
    """Chance that somebody's face or hands have changed while the shot goes on."""

    plot_moves: float = 0.7
    """Chance per frame that the plot goes to its next stage."""
    second_person: float = 0.8
    """Chance that a second person in the picture gets a sentence."""
    thing_sentence: float = 0.6
    inner_sentence: float = 0.68
    sound_sentence: float = 0.5
    past_sentence: float = 0.42
    plot_sentence: float = 0.92
    house_phrase: float = 0.34
    """Chance that the last sentence speaks of "the tension"."""
    digression: float = 0.14
    """Chance that the teller lingers: a remark and another thought."""
    mood_sentence: float = 0.42
    """Chance of another last sentence about the mood, when the house phrase is not there."""


DIALS = Dials()
