"""describe(state) -> words: declared alternatives, drawn one after another through a chooser."""

import re
from collections.abc import Sequence

from ablation.world import phrases
from ablation.world.choice import Chooser
from ablation.world.figure import Pose
from ablation.world.framing import things_in_view
from ablation.world.parameters import DIALS, Dials
from ablation.world.places import LIGHT_WORDS, THINGS
from ablation.world.plots import MOODS
from ablation.world.state import State, Take

ACTION = re.compile(r"\[([^\]]+)\]")
TAG = re.compile(r"<[^>]+>")
FIRST_LETTER = re.compile(r"^((?:<[^>]+>|[\"“])*)([a-z])")
TURN, END = 3, 5


class _Writer:
    """One frame's sentences; knows who is in the picture and avoids what was said lately."""

    def __init__(self, state: State, choose: Chooser, dials: Dials) -> None:
        self.state, self.choose, self.dials = state, choose, dials
        self.sentences: list[str] = []
        self.recent = frozenset().union(*state.said)
        self.light = self.pick("light", LIGHT_WORDS[state.venue.light], remember=False)
        self.mood = self.pick("mood word", MOODS[state.premise.mood], remember=False)

    def pick(self, slot: str, alternatives: Sequence[str], *, remember: bool = True) -> str:
        weights = [float(not remember or (slot, i) not in self.recent) for i in range(len(alternatives))]
        return alternatives[self.choose.pick(slot, weights if any(weights) else len(alternatives))]

    def chance(self, name: str, probability: float) -> bool:
        return self.choose.pick(name, (1 - probability, probability)) == 1

    def person(self, index: int) -> str:
        """A name, tagged when the picture shows the person."""
        name = self.state.premise.cast[index].name
        return f"<gdo char{index + 1}>{name}</gdo>" if index in self.state.take.subjects else name

    def fields(self, subject: int, other: int) -> dict[str, str]:
        person, plot = self.state.premise.cast[subject], self.state.premise.plot
        him = "her" if person.pronoun == "she" else "him"
        thing = f"<gdo obj1>{plot.thing}</gdo>" if thing_is_seen(self.state) else plot.thing
        at = self.state.venue.place.preposition
        place = f"<gdl bg{self.state.scene.venue + 1}>{self.state.venue.name}</gdl>"
        return {
            "S": self.person(subject), "O": self.person(other), "he": person.pronoun, "him": him,
            "his": person.possessive, "His": person.possessive.capitalize(), "place": place, "light": self.light,
            "at": at, "At": at.capitalize(), "thing": thing, "matter": plot.matter, "mood": self.mood,
        }  # fmt: skip

    def action(self, verb: str, subject: int) -> str:
        seen = subject in self.state.take.subjects
        return f"<gda char{subject + 1}>{verb}</gda>" if seen else verb

    def say(self, template: str, subject: int, other: int, **extra: str) -> None:
        text = template.format(**self.fields(subject, other), **extra)
        text = ACTION.sub(lambda match: self.action(match[1], subject), text)
        text = FIRST_LETTER.sub(lambda match: match[1] + match[2].upper(), text)
        self.sentences.append(text + ".")


def thing_is_seen(state: State) -> bool:
    """On the table of a detail shot, or held before a chest that is in the picture."""
    take = state.take
    held = any(pose.gesture == "hold" and not pose.back for pose in take.poses)
    hidden = take.kind == "close" or state.venue.place.kind == "cabin"
    return take.kind == "insert" or (held and not hidden)


def _same_setup(first: Take, second: Take) -> bool:
    return (first.kind, first.subjects, first.angle, first.variant) == (
        second.kind, second.subjects, second.angle, second.variant)  # fmt: skip


def compose(state: State, choose: Chooser, dials: Dials = DIALS) -> str:
    """The tagged text of a frame; the same walk draws, replays and weighs the words."""
    writer = _Writer(state, choose, dials)
    speaker, listener = state.speaker, _visible_other(state)
    _opening(writer, speaker, listener)
    seen = [i for i in state.take.subjects if state.take.kind != "insert"]
    if speaker in seen:
        _person(writer, speaker, listener, _pose(state, speaker))
    if listener in seen and listener != speaker and writer.chance("second", dials.second_person):
        pose = _pose(state, listener)
        writer.say(
            writer.pick(f"gesture {_gesture(pose)}", phrases.GESTURES[_gesture(pose)]), listener, speaker
        )
    _background(writer)
    _plot(writer, speaker, state.listener)
    _digression(writer, speaker, state.listener)
    _ending(writer, speaker, listener)
    return " ".join(writer.sentences)


def _visible_other(state: State) -> int:
    others = [i for i in state.take.subjects if i != state.speaker]
    return others[0] if others else state.listener


def _pose(state: State, subject: int) -> Pose:
    return state.take.poses[state.take.subjects.index(subject)]


def _gesture(pose: Pose) -> str:
    return "back" if pose.back else pose.gesture


def _opening(writer: _Writer, speaker: int, listener: int) -> None:
    take, earlier = writer.state.take, writer.state.earlier
    kind = "group" if take.kind == "two" or (take.kind == "wide" and len(take.subjects) > 1) else take.kind
    if take.subjects and take.kind != "insert" and earlier and _same_setup(take, earlier[-1]):
        kind = "still"
    writer.say(writer.pick(f"opening {kind}", phrases.OPENINGS[kind]), speaker, listener)


def _person(writer: _Writer, speaker: int, listener: int, pose: Pose) -> None:
    gesture = _gesture(pose)
    sentence = writer.pick(f"gesture {gesture}", phrases.GESTURES[gesture])
    if not pose.back:
        sentence += "; " + writer.pick(f"face {pose.expression}", phrases.FACES[pose.expression])
    writer.say(sentence, speaker, listener)
    if pose.speaking:
        writer.say(writer.pick("speech", phrases.SPEECH), speaker, listener)


def _background(writer: _Writer) -> None:
    """What else the picture shows, and what it cannot show: sounds."""
    state, dials = writer.state, writer.dials
    things = things_in_view(state)
    if things and writer.chance("thing", 1.0 if not state.take.subjects else dials.thing_sentence):
        number = writer.choose.pick("which thing", len(things))
        noun, clauses = THINGS[things[number].element]
        clause = writer.pick(f"clause {things[number].element}", clauses)
        writer.say(f"<gdo obj{number + 2}>{noun}</gdo> {clause}", state.speaker, state.listener)
    if writer.chance("sound", dials.sound_sentence):
        sound = writer.pick(f"sound {state.venue.place_index}", state.venue.place.sounds)
        writer.say(writer.pick("sound frame", phrases.SOUNDS), state.speaker, state.listener, sound=sound)


def _plot(writer: _Writer, speaker: int, listener: int) -> None:
    state, dials, plot = writer.state, writer.dials, writer.state.premise.plot
    if writer.chance("past", dials.past_sentence):
        past = writer.pick("past", plot.past)
        low = past if past.startswith("Nine") else past[0].lower() + past[1:]
        writer.say(writer.pick("past frame", phrases.PASTS), speaker, listener, past=past, past_low=low)
    if writer.chance("plot", dials.plot_sentence):
        lines = {TURN: plot.turns, END: plot.ends}.get(state.stage) or phrases.STAGES[state.stage]
        writer.say(writer.pick(f"stage {state.stage}", lines), speaker, listener)
    if writer.chance("inner", dials.inner_sentence):
        thought = writer.pick("thought", plot.thoughts)
        writer.say(writer.pick("thought frame", phrases.THOUGHTS), speaker, listener, thought=thought)


def _digression(writer: _Writer, speaker: int, listener: int) -> None:
    if writer.chance("digression", writer.dials.digression):
        writer.say(writer.pick("remark", phrases.REMARKS), speaker, listener)
        thought = writer.pick("thought", writer.state.premise.plot.thoughts)
        writer.say(writer.pick("rumour", phrases.RUMOURS), speaker, listener, thought=thought)


def _ending(writer: _Writer, speaker: int, listener: int) -> None:
    if writer.chance("house phrase", writer.dials.house_phrase):
        writer.say(writer.pick("tension", phrases.TENSION), speaker, listener)
    elif writer.chance("mood", writer.dials.mood_sentence):
        writer.say(writer.pick("mood", phrases.MOOD), speaker, listener)


def describe(state: State) -> str:
    """The frame's text with its inline tags."""
    return state.text


def plain(text: str) -> str:
    return TAG.sub("", text)
