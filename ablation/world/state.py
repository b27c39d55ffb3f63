"""The hidden state of a story: everything that the picture and the words of a frame are made from."""

from dataclasses import dataclass

from ablation.world.cast import Character
from ablation.world.figure import Pose
from ablation.world.places import PLACES, Place
from ablation.world.plots import PLOTS, Plot


@dataclass(frozen=True)
class Venue:
    place_index: int
    name_index: int
    light: str
    key: int
    """Side of the key light at the first angle, -1 left, 1 right."""
    patterns: tuple[str, ...]
    """Of the key light, one of shadows.PATTERNS per angle."""
    exposures: tuple[int, ...]
    """Per angle, in sixths of a stop."""
    foregrounds: tuple[str, ...]
    """What stands before the lens in the wider shots, one of foreground.FOREGROUNDS per angle."""
    seed: int
    """Of the small irregularities of the painted place."""

    @property
    def place(self) -> Place:
        return PLACES[self.place_index]

    @property
    def name(self) -> str:
        return self.place.names[self.name_index]


@dataclass(frozen=True)
class Premise:
    """What stays the same in a story."""

    cast: tuple[Character, ...]
    venues: tuple[Venue, ...]
    mood: int
    plot_index: int
    frame_count: int

    @property
    def plot(self) -> Plot:
        return PLOTS[self.plot_index]


@dataclass(frozen=True)
class Scene:
    venue: int
    present: tuple[int, ...]
    """Indices of the cast, from the left of the room to its right; screen direction never flips."""
    age: int


@dataclass(frozen=True)
class Take:
    """What the camera saw once; takes are remembered, so that a later frame can return to one."""

    kind: str
    subjects: tuple[int, ...]
    """Indices of the cast, from left to right; in an "over" shot the near one comes first."""
    poses: tuple[Pose, ...]
    angle: int
    variant: int
    """0..8: three sizes by three places in the frame."""
    drift: tuple[int, int]
    """Steps of the camera from its middle position."""
    push: int = 0
    """Steps of the camera toward the subject."""
    flicker: int = 0
    """Momentary exposure, in sixths of a stop."""


@dataclass(frozen=True)
class State:
    premise: Premise
    frame: int
    """1 for the first."""
    scene: Scene
    take: Take
    earlier: tuple[Take, ...]
    """Some takes of this scene before this one, the latest last."""
    speaker: int
    """Index of the cast: the one the words are about."""
    listener: int
    """Another one, in the picture or not, or the speaker again when alone in the story."""
    stage: int
    """Of the plot, 0 the beginning .. 5 the end."""
    grain: int
    wording: tuple[tuple[str, int], ...]
    """The grammar's decisions for this frame's words."""
    said: tuple[frozenset[tuple[str, int]], ...]
    """Decisions of the frames before, the latest last; the grammar avoids repeating them."""
    text: str = ""
    """What the wording says, with its inline tags."""

    @property
    def venue(self) -> Venue:
        return self.premise.venues[self.scene.venue]
