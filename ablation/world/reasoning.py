"""The chain of thought: per frame, tables of the people, the objects and the setting, with their boxes."""

from ablation.world.cast import describe_look
from ablation.world.figure import Pose
from ablation.world.framing import Box, things_in_view
from ablation.world.grammar import thing_is_seen
from ablation.world.paint import PROP
from ablation.world.places import LIGHT_WORDS
from ablation.world.plots import MOODS
from ablation.world.state import State

CHARACTERS = (
    "Character ID",
    "Name",
    "Description",
    "Emotions",
    "Actions",
    "Narrative Function",
    "Bounding Box",
)
OBJECTS = ("Object ID", "Description", "Function", "Interaction", "Bounding Box")
SETTING = ("Setting Element", "Description", "Mood", "Time", "Narrative Function")
DOING = {
    "stand": "stands", "walk": "walks", "cross": "folds the arms", "phone": "telephones", "point": "points",
    "hold": "holds something", "cup": "lifts a cup", "chin": "ponders", "open": "raises the hands", "pockets": "hands in pockets",
}  # fmt: skip
FUNCTIONS = {
    "wide": "places the people in the room", "two": "shows a relation", "medium": "gives the floor to one",
    "close": "shows a feeling", "over": "sets one against the other", "insert": "shows what it is about",
    "empty": "opens or closes a scene",
}  # fmt: skip


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _box(box: Box) -> str:
    return ",".join(str(value) for value in box)


def _doing(pose: Pose, kind: str) -> str:
    if kind == "insert":
        return "reaches for the thing on the table"
    if pose.back:
        return "listens, seen from behind"
    return DOING[pose.gesture] + (" and speaks" if pose.speaking else "")


def _people(state: State, boxes: dict[int, Box]) -> list[tuple[str, ...]]:
    rows = []
    for subject, pose in zip(state.take.subjects, state.take.poses, strict=True):
        person = state.premise.cast[subject]
        role = "speaker" if subject == state.speaker else "listener"
        feeling = "hidden" if pose.back or state.take.kind == "insert" else pose.expression
        doing, box = _doing(pose, state.take.kind), _box(boxes[subject])
        rows.append(
            (f"char{subject + 1}", person.name, describe_look(person.look), feeling, doing, role, box)
        )
    return rows


def _objects(state: State, boxes: dict[int, Box]) -> list[tuple[str, ...]]:
    rows = []
    if thing_is_seen(state):
        thing = state.premise.plot.thing.capitalize()
        rows.append(("obj1", thing, "What the story turns on", "Touched or held", _box(boxes[PROP])))
    for number, item in enumerate(things_in_view(state)):
        rows.append((f"obj{number + 2}", item.noun.capitalize(), "Part of the place", "None", _box(item.box)))
    return rows


def reason(state: State, boxes: dict[int, Box]) -> str:
    """The block of one frame; `boxes` come from the painting."""
    venue = state.venue
    where, time = f"Location (bg{state.scene.venue + 1})", LIGHT_WORDS[venue.light][0].capitalize()
    mood = MOODS[state.premise.mood][0].capitalize()
    setting = (where, venue.name.capitalize(), mood, time, FUNCTIONS[state.take.kind])
    parts = [
        f"## Image {state.frame}",
        "### Characters",
        _table(CHARACTERS, _people(state, boxes)),
        "### Objects",
        _table(OBJECTS, _objects(state, boxes)),
        "### Setting",
        _table(SETTING, [setting]),
    ]
    return "\n\n".join(parts)
