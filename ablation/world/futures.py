"""What may come after a state, and how many nats of chance its words hold.

A future is one draw of the transition. The words of a frame are a function of its draws, so the
entropy of the words given the state before is the entropy of those draws that the words tell. Three
groups of draws:

told: the words say how they fell (the alternatives of the grammar, the shot by its opening sentence,
    speaker and gestures by theirs). Their sum is the entropy of the words given everything else.
hinted: the words may say something of how they fell (did the camera return or cut, who else is
    there, which side of the room is in view). They add between 0 and their sum.
silent: the picture alone shows them (`image: …`), or nobody does.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ablation.world.choice import Draw, Sampler
from ablation.world.grammar import describe, plain
from ablation.world.parameters import DIALS, Dials
from ablation.world.places import THINGS
from ablation.world.process import next_state
from ablation.world.state import State

PICTURE = "image: "
HINTED = ("move", "return", "present", "who")
VIEW = ("angle", "variant")
POSE = ("gesture", "expression", "speaks")


@dataclass(frozen=True)
class Future:
    """One continuation; nats are the entropies of the distributions that were drawn from."""

    state: State
    told: float
    hinted: float

    @property
    def words(self) -> str:
        """The description without its tags."""
        return plain(describe(self.state))


def futures(state: State, generator: np.random.Generator, dials: Dials = DIALS) -> Iterator[Future]:
    """Draws without end from the distribution of what follows."""
    while True:
        sampler = Sampler(generator)
        following = next_state(state, sampler, dials)
        yield Future(following, *word_nats(following, sampler.trace))


def word_nats(state: State, trace: list[Draw]) -> tuple[float, float]:
    """The told and the hinted nats of a transition that led to `state`."""
    camera, wording = trace[: -len(state.wording)], trace[-len(state.wording) :]
    told = sum(draw.entropy for draw in wording)
    told += sum(draw.entropy for draw in camera if _is_told(state, draw.name))
    hinted = sum(draw.entropy for draw in camera if draw.name in HINTED)
    return told, hinted + sum(_view_nats(state, draw) for draw in wording)


def _view_nats(state: State, draw: Draw) -> float:
    """The thing that is spoken of hints at what is in view: at most one of all things of the place."""
    if draw.name != "which thing":
        return 0.0
    things = {element for angle in state.venue.place.angles for element, *_ in angle if element in THINGS}
    return math.log(len(things)) - draw.entropy


def _is_told(state: State, name: str) -> bool:
    decided = dict(state.wording)
    if name.startswith(PICTURE) or name in HINTED + VIEW:
        return False
    if name == "plot moves":
        return decided.get("plot") == 1
    kind, _, subject = name.partition(" of ")
    if kind not in POSE:
        return True
    return _pose_is_told(state, kind, int(subject), second=decided.get("second") == 1)


def _pose_is_told(state: State, kind: str, subject: int, second: bool) -> bool:
    """The speaker's pose, and the gesture of a second person who gets a sentence."""
    if state.take.kind == "insert":
        return False
    others = [i for i in state.take.subjects if i != state.speaker]
    return subject == state.speaker or (second and kind == "gesture" and subject in others[:1])
