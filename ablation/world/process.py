"""The state machine: a premise, a first state, and the one function that draws the next state from a state."""

import math
from dataclasses import replace

from ablation.world.camera import draw_take, next_take
from ablation.world.cast import draw_cast
from ablation.world.choice import Chooser, Sampler
from ablation.world.foreground import FOREGROUNDS, INDOORS, OUTDOORS
from ablation.world.grammar import compose
from ablation.world.parameters import DIALS, Dials
from ablation.world.places import PLACES
from ablation.world.plots import MOODS, PLOTS
from ablation.world.shadows import PATTERNS
from ablation.world.state import Premise, Scene, State, Take, Venue

MEMORY = 8
"""Frames whose wording is not repeated while another wording is left."""
REMEMBERED = 4
"""Takes of a scene that a later frame can return to."""
LAST_STAGE = 5
DARK_HOURS = ("dusk", "night", "neon", "rain")


def draw_premise(choose: Chooser, dials: Dials = DIALS) -> Premise:
    lengths = range(dials.frames_fewest, dials.frames_most + 1)
    weights = [math.exp(-0.5 * ((n - dials.frames_mean) / dials.frames_spread) ** 2) for n in lengths]
    frame_count = lengths[choose.pick("frames", weights)]
    cast = draw_cast(choose, 1 + choose.pick("cast", dials.cast_sizes))
    return Premise(
        cast=cast,
        venues=_draw_venues(choose, dials),
        mood=choose.pick("mood", len(MOODS)),
        plot_index=choose.pick("plot", len(PLOTS)),
        frame_count=frame_count,
    )


def _draw_venues(choose: Chooser, dials: Dials) -> tuple[Venue, ...]:
    count = 1 + choose.pick("venues", dials.venue_counts)
    names, weights = list(dials.light_weights), list(dials.light_weights.values())
    hour = names[choose.pick("hour", weights)]
    taken: list[int] = []
    venues = []
    for number in range(count):
        index = choose.pick("place", [0.0 if i in taken else 1.0 for i in range(len(PLACES))])
        taken.append(index)
        if number and choose.pick("light moves", (1 - dials.light_moves, dials.light_moves)):
            hour = names[choose.pick("hour", weights)]
        venues.append(_draw_venue(choose, dials, index, hour))
    return tuple(venues)


def _draw_venue(choose: Chooser, dials: Dials, index: int, hour: str) -> Venue:
    indoors, light = PLACES[index].indoors, hour
    if indoors and hour in DARK_HOURS:
        chance = dials.lamplight_indoors
        light = "lamplight" if choose.pick("lamps", (1 - chance, chance)) else hour
    elif hour == "lamplight" and not indoors:
        light = "night"
    name = choose.pick("place name", len(PLACES[index].names))
    key, angles = (-1, 1)[choose.pick("key side", 2)], range(len(PLACES[index].angles))
    falls = dials.pattern_outdoors if PLACES[index].kind == "open_air" else dials.pattern_indoors
    patterns = tuple(PATTERNS[choose.pick("pattern", falls)] for _ in angles)
    exposure = dials.exposure_stops[choose.pick("exposure", dials.exposure_weights)]
    exposures = tuple(
        exposure + dials.angle_stops[choose.pick("angle exposure", dials.angle_weights)] for _ in angles
    )
    able = INDOORS if indoors else OUTDOORS
    before = [weight * can for weight, can in zip(dials.foreground_weights, able, strict=True)]
    foregrounds = tuple(FOREGROUNDS[choose.pick("foreground", before)] for _ in angles)
    return Venue(index, name, light, key, patterns, exposures, foregrounds, choose.pick("paint", 2**16))


def first_state(premise: Premise, choose: Chooser, dials: Dials = DIALS) -> State:
    scene = _open_scene(premise, choose, 0, dials)
    take = draw_take(premise, scene, None, choose, dials)
    return _finish(premise, 1, scene, take, (), 0, (), choose, dials)


def next_state(state: State, choose: Chooser, dials: Dials = DIALS) -> State:
    """The state after one more frame; all randomness goes through `choose`."""
    premise, scene = state.premise, state.scene
    earlier = (*state.earlier, state.take)[-REMEMBERED:]
    stage = _next_stage(state, choose, dials)
    said = (*state.said, frozenset(state.wording))[-MEMORY:]
    if _scene_ends(state, choose, dials):
        scene = _open_scene(premise, choose, _other_venue(state, choose), dials)
        take = draw_take(premise, scene, None, choose, dials)
        return _finish(premise, state.frame + 1, scene, take, (), stage, said, choose, dials)
    scene = replace(scene, age=scene.age + 1)
    take = next_take(state, scene, earlier, choose, dials)
    return _finish(premise, state.frame + 1, scene, take, earlier, stage, said, choose, dials)


def _finish(
    premise: Premise, frame: int, scene: Scene, take: Take, earlier: tuple[Take, ...], stage: int,
    said: tuple[frozenset[tuple[str, int]], ...], choose: Chooser, dials: Dials,
) -> State:  # fmt: skip
    speaker, listener = _draw_roles(premise, scene, take, choose)
    grain = choose.pick("image: grain", 2**16)
    bare = State(premise, frame, scene, take, earlier, speaker, listener, stage, grain, (), said)
    recorder = _Recorder(choose)
    text = compose(bare, recorder, dials)
    return replace(bare, wording=tuple(recorder.taken), text=text)


class _Recorder:
    """Passes choices on and notes them."""

    def __init__(self, choose: Chooser) -> None:
        self.choose = choose
        self.taken: list[tuple[str, int]] = []

    def pick(self, name: str, weights) -> int:
        index = self.choose.pick(name, weights)
        self.taken.append((name, index))
        return index


def _next_stage(state: State, choose: Chooser, dials: Dials) -> int:
    """The plot moves at random, but must end with the story's last frame."""
    count = state.premise.frame_count
    if state.frame + 1 == count:
        return LAST_STAGE
    if state.stage >= min(LAST_STAGE - 1, LAST_STAGE * state.frame // count):
        return state.stage
    return state.stage + choose.pick("plot moves", (1 - dials.plot_moves, dials.plot_moves))


def _scene_ends(state: State, choose: Chooser, dials: Dials) -> bool:
    if len(state.premise.venues) < 2 or state.scene.age < dials.scene_youngest:
        return False
    return choose.pick("scene ends", (1 - dials.scene_ends, dials.scene_ends)) == 1


def _other_venue(state: State, choose: Chooser) -> int:
    count = len(state.premise.venues)
    return choose.pick("venue", [0.0 if i == state.scene.venue else 1.0 for i in range(count)])


def _open_scene(premise: Premise, choose: Chooser, venue: int, dials: Dials) -> Scene:
    count = len(premise.cast)
    size = min(count, 1 + choose.pick("present", dials.present_counts))
    present: list[int] = []
    for _ in range(size):
        weights = [0.0 if i in present else 1 / (1 + dials.newcomer * i) for i in range(count)]
        present.append(choose.pick("who", weights))
    return Scene(venue, tuple(present), 1)


def _draw_roles(premise: Premise, scene: Scene, take: Take, choose: Chooser) -> tuple[int, int]:
    seen = [s for s, pose in zip(take.subjects, take.poses, strict=True) if not pose.back]
    seen = seen or list(scene.present)
    speaker = seen[choose.pick("speaker", len(seen))]
    others = [i for i in (*scene.present, *range(len(premise.cast))) if i != speaker]
    return speaker, others[0] if others else speaker


def sample_story(generator, dials: Dials = DIALS) -> list[State]:
    """All states of one story."""
    choose = Sampler(generator)
    premise = draw_premise(choose, dials)
    states = [first_state(premise, choose, dials)]
    while len(states) < premise.frame_count:
        states.append(next_state(states[-1], choose, dials))
    return states
