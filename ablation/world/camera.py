"""The camera's part of the transition: how a shot is held, comes back, or gives way to another."""

from dataclasses import replace

from ablation.world.choice import About, Chooser
from ablation.world.face import EXPRESSIONS
from ablation.world.figure import Pose
from ablation.world.parameters import SHOTS, Dials
from ablation.world.state import Premise, Scene, State, Take

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
FAR = ("wide", "insert", "empty", "over", "two", "medium")
"""Kinds whose pictures change little unless the camera moves much."""
NO_WALKING = ("two", "medium", "close", "over")
CLOSE_GESTURES = ("stand", "phone", "cup", "chin")


def next_take(state: State, scene: Scene, earlier: tuple[Take, ...], choose: Chooser, dials: Dials) -> Take:
    """The scene goes on: the shot is held, an earlier set-up returns, or there is a cut to a new one."""
    others = _other_setups(earlier)
    two, three = (chance * (len(others) > n) for n, chance in enumerate((dials.back_two, dials.back_three)))
    move = choose.pick("move", (dials.hold, two, three, 1 - dials.hold - two - three))
    if move == 0:
        changes = choose.pick("return", (1 - dials.hold_changes, dials.hold_changes)) == 1
        return _go_on(earlier[-1], choose, state.premise.mood, changes)
    if move in (1, 2):
        changes = choose.pick("return", (dials.return_identical, 1 - dials.return_identical)) == 1
        return _return_to(others[move - 1], earlier, choose, state.premise.mood, changes, dials)
    return draw_take(state.premise, scene, state.take, choose, dials)


def _other_setups(earlier: tuple[Take, ...]) -> list[Take]:
    """The latest takes of the set-ups before the present one, the last first."""
    found: dict[tuple, Take] = {_setup(earlier[-1]): earlier[-1]}
    for take in reversed(earlier):
        found.setdefault(_setup(take), take)
    return list(found.values())[1:]


def _setup(take: Take) -> tuple:
    return take.kind, take.subjects, take.angle


def _go_on(take: Take, choose: Chooser, mood: int, changes: bool) -> Take:
    """The shot a moment later: small motions of people, camera and light."""
    x, y = (value + choose.pick("image: drift", 3) - 1 for value in take.drift)
    push = take.push + choose.pick("image: push", 2)
    flicker = take.flicker + choose.pick("image: flicker", (1, 2, 1)) - 1
    poses = _moved(take, choose, mood, changes)
    return replace(take, poses=poses, drift=(x, y), push=push, flicker=flicker)


def _return_to(
    take: Take, earlier: tuple[Take, ...], choose: Chooser, mood: int, changes: bool, dials: Dials
) -> Take:
    """The other side of a dialogue again: the same set-up, framed a little differently, in a changed light."""
    seen = [other for other in earlier if _setup(other) == _setup(take)]
    return replace(
        take,
        poses=_moved(take, choose, mood, changes),
        variant=choose.pick("variant", _reframings(take, seen)),
        drift=_draw_drift(choose, dials),
        push=0,
        flicker=dials.light_steps[choose.pick("image: flicker", _light_changes(take, seen, dials))],
    )


def _reframings(take: Take, seen: list[Take]) -> list[float]:
    """Weights of the variants: another size and another place, not far off, not one seen lately."""
    used = [other.variant for other in seen]
    steps = [(abs(take.variant // 3 - new // 3), abs(take.variant % 3 - new % 3)) for new in range(9)]
    for reach in (2,) if take.kind in FAR else (1, 2):
        weights = [
            float(0 < size <= reach and 0 < across <= reach and new not in used)
            for new, (size, across) in enumerate(steps)
        ]
        if any(weights):
            return weights
    return [float(new != take.variant) for new in range(9)]


def _light_changes(take: Take, seen: list[Take], dials: Dials) -> list[float]:
    """Weights of the light steps: a light that differs from those seen lately, rather a little than much."""
    used = [other.flicker for other in seen]
    fresh = [float(all(abs(step - flicker) > 1 for flicker in used)) for step in dials.light_steps]
    near = [1 / abs(step - take.flicker) ** 2 if step != take.flicker else 0.0 for step in dials.light_steps]
    weights = [f * n for f, n in zip(fresh, near, strict=True)]
    return weights if any(weights) else near


def _moved(take: Take, choose: Chooser, mood: int, changes: bool) -> tuple[Pose, ...]:
    poses = []
    for subject, pose in zip(take.subjects, take.poses, strict=True):
        about = About(choose, subject)
        sway = pose.sway + (-4, -2, 0, 2, 4)[about.pick("image: sway", 5)]
        pose = replace(pose, sway=sway, speaking=about.pick("speaks", 2) == 1)
        if changes and not pose.back:
            face = _draw_expression(about, mood)
            pose = replace(pose, expression=face, gesture=_draw_gesture(about, take.kind))
        poses.append(pose)
    return tuple(poses)


def _draw_drift(choose: Chooser, dials: Dials) -> tuple[int, int]:
    half = dials.drift_steps // 2
    x, y = (choose.pick("image: drift", dials.drift_steps) - half for _ in range(2))
    return x, y


def draw_take(premise: Premise, scene: Scene, last: Take | None, choose: Chooser, dials: Dials) -> Take:
    """A new set-up: the first of a scene, or after a cut from `last`."""
    weights = dials.cut_weights[last.kind] if last else dials.opening_weights
    allowed = [w * _possible(premise, kind, scene) for kind, w in zip(SHOTS, weights, strict=True)]
    kind = SHOTS[choose.pick("shot", allowed)]
    subjects = _draw_subjects(kind, scene, last, choose, dials)
    angle = _draw_angle(kind, subjects, scene, last, choose, dials)
    poses = tuple(_draw_pose(premise, scene, kind, order, subjects, choose) for order in range(len(subjects)))
    flicker = dials.light_steps[choose.pick("image: flicker", len(dials.light_steps))]
    drift = _draw_drift(choose, dials)
    return Take(kind, subjects, poses, angle, choose.pick("variant", 9), drift, flicker=flicker)


def _possible(premise: Premise, kind: str, scene: Scene) -> float:
    """Two people for a two-shot, and nobody stands upright in a car."""
    if kind == "wide" and premise.venues[scene.venue].place.kind == "cabin":
        return 0.0
    return 0.0 if kind in ("two", "over") and len(scene.present) < 2 else 1.0


def _draw_subjects(
    kind: str, scene: Scene, last: Take | None, choose: Chooser, dials: Dials
) -> tuple[int, ...]:
    present = scene.present
    if kind == "empty":
        return ()
    if kind in ("wide", "two"):
        return present
    seen = last.subjects[-1:] if last else ()
    one = choose.pick("subject", [dials.jump_cut if person in seen else 1.0 for person in present])
    if kind != "over":
        return (present[one],)
    near = choose.pick("near", [0.0 if i == one else 1.0 for i in range(len(present))])
    return present[near], present[one]


def _draw_angle(
    kind: str, subjects: tuple[int, ...], scene: Scene, last: Take | None, choose: Chooser, dials: Dials
) -> int:
    """Single shots of the two sides of a dialogue look in opposite directions."""
    if kind in ("wide", "two", "empty") or len(scene.present) < 2:
        seen = last.angle if last else None
        return choose.pick("angle", [dials.jump_cut if angle == seen else 1.0 for angle in range(3)])
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
