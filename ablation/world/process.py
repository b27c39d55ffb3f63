"""The state machine: a premise, a first state, and the one function that draws the next state from a state."""

import math
from dataclasses import replace

from ablation.world.cast import draw_cast
from ablation.world.choice import About, Chooser, Sampler
from ablation.world.face import EXPRESSIONS
from ablation.world.figure import Pose
from ablation.world.grammar import compose
from ablation.world.parameters import DIALS, SHOTS, Dials
from ablation.world.places import PLACES
from ablation.world.plots import MOODS, PLOTS
from ablation.world.state import Premise, Scene, State, Take, Venue

MEMORY = 8
"""Frames whose wording is not repeated while another wording is left."""
LAST_STAGE = 5
DARK_HOURS = ("dusk", "night", "neon", "rain")
MOOD_FACES: tuple[tuple[float, ...], ...] = (
    # calm, worried, angry, sad, amused, startled, wary; one row per mood
    (2, 3, 0.5, 1, 0.3, 1, 2),
    (2, 1, 0.3, 3, 1.5, 0.5, 0.5),
    (1.5, 1.5, 1, 0.5, 0.5, 1, 3.5),
    (1.5, 1.5, 0.5, 4, 0.3, 0.5, 0.7),
    (2.5, 1, 0.3, 0.5, 3, 1, 0.7),
    (1, 0.7, 4, 0.7, 0.3, 0.7, 2),
)
GESTURE_WEIGHTS = {"stand": 3, "walk": 1, "cross": 2, "phone": 0.6, "point": 1, "hold": 1.6, "cup": 1, "chin": 1.4, "open": 1.2, "pockets": 1.2}  # fmt: skip
NO_WALKING = ("two", "medium", "close", "over")
CLOSE_GESTURES = ("stand", "phone", "cup", "chin")


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
    return Venue(index, name, light, (-1, 1)[choose.pick("key side", 2)], choose.pick("paint", 2**16))


def first_state(premise: Premise, choose: Chooser, dials: Dials = DIALS) -> State:
    scene = _open_scene(premise, choose, venue=0)
    take = _draw_take(premise, scene, choose, dials, dials.opening_weights)
    return _finish(premise, 1, scene, take, (), 0, (), choose, dials)


def next_state(state: State, choose: Chooser, dials: Dials = DIALS) -> State:
    """The state after one more frame; all randomness goes through `choose`."""
    premise, scene, earlier = state.premise, state.scene, (*state.earlier, state.take)[-3:]
    stage = _next_stage(state, choose, dials)
    said = (*state.said, frozenset(state.wording))[-MEMORY:]
    if _scene_ends(state, choose, dials):
        scene = _open_scene(premise, choose, _other_venue(state, choose))
        take = _draw_take(premise, scene, choose, dials, dials.opening_weights)
        return _finish(premise, state.frame + 1, scene, take, (), stage, said, choose, dials)
    scene = replace(scene, age=scene.age + 1)
    take = _continue_scene(state, scene, earlier, choose, dials)
    return _finish(premise, state.frame + 1, scene, take, earlier, stage, said, choose, dials)


def _finish(
    premise: Premise, frame: int, scene: Scene, take: Take, earlier: tuple[Take, ...], stage: int,
    said: tuple[frozenset[tuple[str, int]], ...], choose: Chooser, dials: Dials,
) -> State:  # fmt: skip
    speaker, listener = _draw_roles(premise, scene, take, choose)
    grain = choose.pick("image: grain", 2**16)
    bare = State(premise, frame, scene, take, earlier, speaker, listener, stage, grain, (), said)
    recorder = _Recorder(choose)
    compose(bare, recorder, dials)
    return replace(bare, wording=tuple(recorder.taken))


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


def _open_scene(premise: Premise, choose: Chooser, venue: int) -> Scene:
    count = len(premise.cast)
    size = min(count, 1 + choose.pick("present", (1, 4, 2)))
    present: list[int] = []
    for _ in range(size):
        weights = [0.0 if i in present else 1 / (1 + 0.5 * i) for i in range(count)]
        present.append(choose.pick("who", weights))
    return Scene(venue, tuple(present), 1)


def _continue_scene(
    state: State, scene: Scene, earlier: tuple[Take, ...], choose: Chooser, dials: Dials
) -> Take:
    two = dials.back_two if len(earlier) >= 2 else 0.0
    three = dials.back_three if len(earlier) >= 3 else 0.0
    move = choose.pick("move", (dials.hold, two, three, 1 - dials.hold - two - three))
    if move == 0:
        return _again(earlier[-1], choose, state.premise.mood, change=False, drift=1)
    if move in (1, 2):
        same = choose.pick("return", (1 - dials.return_identical, dials.return_identical)) == 1
        return _again(earlier[-1 - move], choose, state.premise.mood, change=not same, drift=1)
    return _draw_take(state.premise, scene, choose, dials, dials.cut_weights[state.take.kind])


def _again(take: Take, choose: Chooser, mood: int, *, change: bool, drift: int) -> Take:
    """The same set-up a moment later: small motion, or another face and gesture."""
    poses = []
    for subject, pose in zip(take.subjects, take.poses, strict=True):
        about = About(choose, subject)
        sway = pose.sway + (-4, -2, 0, 2, 4)[about.pick("image: sway", 5)]
        pose = replace(pose, sway=sway, speaking=about.pick("speaks", 2) == 1)
        if change and not pose.back:
            face = _draw_expression(about, mood)
            pose = replace(pose, expression=face, gesture=_draw_gesture(about, take.kind))
        poses.append(pose)
    x, y = (value + choose.pick("image: drift", 3) - 1 for value in take.drift)
    return replace(take, poses=tuple(poses), drift=(x, y))


def _draw_take(
    premise: Premise, scene: Scene, choose: Chooser, dials: Dials, weights: tuple[float, ...]
) -> Take:
    allowed = [w * _possible(premise, kind, scene) for kind, w in zip(SHOTS, weights, strict=True)]
    kind = SHOTS[choose.pick("shot", allowed)]
    subjects = _draw_subjects(kind, scene, choose)
    angle = _draw_angle(kind, subjects, scene, choose)
    poses = tuple(_draw_pose(premise, scene, kind, order, subjects, choose) for order in range(len(subjects)))
    half = dials.drift_steps // 2
    drift = tuple(choose.pick("image: drift", dials.drift_steps) - half for _ in range(2))
    return Take(kind, subjects, poses, angle, choose.pick("variant", 9), drift)


def _possible(premise: Premise, kind: str, scene: Scene) -> float:
    """Two people for a two-shot, and nobody stands upright in a car."""
    if kind == "wide" and premise.venues[scene.venue].place.kind == "cabin":
        return 0.0
    return 0.0 if kind in ("two", "over") and len(scene.present) < 2 else 1.0


def _draw_subjects(kind: str, scene: Scene, choose: Chooser) -> tuple[int, ...]:
    present = scene.present
    if kind == "empty":
        return ()
    if kind in ("wide", "two"):
        return present
    one = choose.pick("subject", len(present))
    if kind != "over":
        return (present[one],)
    near = choose.pick("near", [0.0 if i == one else 1.0 for i in range(len(present))])
    return present[near], present[one]


def _draw_angle(kind: str, subjects: tuple[int, ...], scene: Scene, choose: Chooser) -> int:
    """Single shots of the two sides of a dialogue look in opposite directions."""
    if kind in ("wide", "two", "empty") or len(scene.present) < 2:
        return choose.pick("angle", (1, 1, 1))
    return 0 if scene.present.index(subjects[-1]) < len(scene.present) / 2 else 1


def _draw_pose(
    premise: Premise, scene: Scene, kind: str, order: int, subjects: tuple[int, ...], choose: Chooser
) -> Pose:
    if kind == "over" and order == 0:
        return Pose(back=True)
    place, count = scene.present.index(subjects[order]), len(scene.present)
    inward = 0.0 if count == 1 else 1.0 - 2.0 * place / (count - 1)
    about = About(choose, subjects[order])
    turn = 0.62 * inward if inward else (-0.45, 0.0, 0.45)[about.pick("image: turn", 3)]
    return Pose(
        gesture=_draw_gesture(about, kind),
        turn=turn,
        expression=_draw_expression(about, premise.mood),
        speaking=about.pick("speaks", (0.6, 0.4)) == 1,
        held=premise.plot.prop,
    )


def _draw_gesture(choose: Chooser, kind: str) -> str:
    weights = dict(GESTURE_WEIGHTS)
    for gesture in weights:
        if (gesture == "walk" and kind in NO_WALKING) or (kind == "close" and gesture not in CLOSE_GESTURES):
            weights[gesture] = 0.0
    return list(weights)[choose.pick("gesture", list(weights.values()))]


def _draw_expression(choose: Chooser, mood: int) -> str:
    return list(EXPRESSIONS)[choose.pick("expression", MOOD_FACES[mood])]


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
