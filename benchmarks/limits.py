"""What can be reached on the embedded world's test windows, by one who knows its rules.

`python -m benchmarks.limits --windows 160` draws what may come after frame 4 and asks for the best guesses: the picture
of the per-pixel medians (on so many windows, it takes minutes), the set of names or places with the highest expected F1. The oracle knows the whole hidden
state. The viewer knows, generously, what four frames can show: the looks of people and places out of view and the
shadows at angles out of view are drawn anew, earlier takes are unknown, and so is how bright a take is among others.
"""

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from tabulate import tabulate

from ablation.commands.stories import Stories, load_stories
from ablation.config.config import Config
from ablation.config.declare import resolve
from ablation.config.recipes import with_recipe
from ablation.console import Console
from ablation.data.oracle import FUTURES, ORACLE_SEED, _frame
from ablation.data.windows import StoryWindows
from ablation.train.floors import image_median_floor
from ablation.train.questions import evenly
from ablation.train.understanding import _agreement, _any_of, _spaced
from ablation.world.camera import _setup
from ablation.world.cast import Character, draw_cast
from ablation.world.choice import Sampler
from ablation.world.futures import futures
from ablation.world.parameters import DIALS
from ablation.world.places import PLACES
from ablation.world.process import _draw_venue
from ablation.world.state import Premise, State, Venue
from ablation.world.story import plan_story
from benchmarks.before_after import model_of, require_same_windows

KINDS = ("held", "returns", "returns further", "cut", "new scene")
FURTHEST_LIGHT = max(DIALS.light_steps)


@dataclass(frozen=True)
class Window:
    """The hidden states of four frames and of the fifth."""

    number: int
    first_frame: int
    seen: list[State]
    target: State

    @property
    def last(self) -> State:
        return self.seen[-1]

    def draws(self) -> np.random.Generator:
        return np.random.default_rng([ORACLE_SEED, self.number, self.first_frame])

    @property
    def kind(self) -> str:
        """What the camera does after frame 4."""
        if self.target.scene.age == 1:
            return "new scene"
        setups = dict.fromkeys(_setup(take) for take in reversed((*self.last.earlier, self.last.take)))
        order = list(setups)
        place = order.index(_setup(self.target.take)) if _setup(self.target.take) in order else 3
        return KINDS[min(place, 3)]


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=160)
    parser.add_argument("--checkpoint", type=Path, help="a run's best.pt, to stand beside them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    stories = load_stories(resolve(Config, with_recipe({"recipe": "cured"})), Console())
    places = evenly(len(stories.test), options.windows)
    painted = {"model": model_pictures(options.checkpoint, stories, places)} if options.checkpoint else {}
    found = pictures(stories, places, painted) | naming(stories)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


def windows_of(windows: StoryWindows, places: np.ndarray) -> list[Window]:
    """The hidden states of the windows at these places."""
    found = []
    for place in places:
        number = int(windows.story_ids[windows.stories[place]].rsplit("-", 1)[1])
        first = int(windows.numbers[place])
        states = plan_story(0, "test", number)[first - 1 : first + 4]
        found.append(Window(number, first, states[:4], states[4]))
    return found


@torch.no_grad()
def model_pictures(file: Path, asked: Stories, places: np.ndarray) -> np.ndarray:
    """(W, 3, 60, 125) in [0, 1]: what a checkpoint's model makes of the test windows at these places. Ends the program
    where it has other ones.
    """
    stories, task = model_of(file)
    require_same_windows(stories, asked)
    batches = task.batches(stories.test, torch.from_numpy(places))
    return torch.cat([task.module.paint(task.module.fuse(batch))[0] for batch, _ in batches]).numpy()


def pictures(stories: Stories, places: np.ndarray, painted: dict[str, np.ndarray]) -> dict[str, float]:
    """L1 and spread of the best pictures of the oracle and the viewer, and of those that were painted."""
    chosen = windows_of(stories.test, places)
    targets = stories.test.frames[stories.test.starts[places] + 4] / 255
    with ProcessPoolExecutor() as pool:
        medians = np.stack(list(pool.map(best_pictures, chosen, chunksize=4))) / 255  # (W, 2, 3, 60, 125)
    guesses = {"oracle": medians[:, 0], "viewer": medians[:, 1]} | painted
    kinds = np.array([window.kind for window in chosen])
    median = image_median_floor(stories.fitted, stories.test.at(places))
    best, rows, found = np.abs(guesses["oracle"] - targets).mean(), [], {}
    for who, guess in guesses.items():
        losses = np.abs(guess - targets).mean(axis=(1, 2, 3))
        spread = guess.std(axis=0).mean() / targets.std(axis=0).mean()
        skill = (median - losses.mean()) / (median - best)
        rows.append([who, losses.mean(), skill, spread, *(losses[kinds == kind].mean() for kind in KINDS)])
        found |= {f"{who}_image_loss": losses.mean(), f"{who}_skill": skill, f"{who}_spread": spread}
    rows.append(["windows", len(places), "", "", *[int((kinds == kind).sum()) for kind in KINDS]])
    head = ["", "image L1", "skill", "spread / target's", *KINDS]
    print(f"constant image: {median:.4f}\n" + tabulate(rows, head, floatfmt=".4f"))
    return {name: float(value) for name, value in found.items()}


def best_pictures(window: Window) -> np.ndarray:
    """(2, 3, 60, 125): the medians of the futures, as the oracle and as the viewer draws them."""
    known, draws = futures(window.last, window.draws()), window.draws()
    guessed = (next(futures(as_seen(window, draws), draws)) for _ in range(FUTURES))
    drawn = (islice(known, FUTURES), guessed)
    pixels = [np.stack([_frame(future.state, equalize=False) for future in some]) for some in drawn]
    return np.stack([np.median(some, axis=0) for some in pixels]).astype(np.float32)


def as_seen(window: Window, draws: np.random.Generator) -> State:
    """A state after frame 4 that would have looked the same in the four frames."""
    state, choose = window.last, Sampler(draws)
    mine = [seen for seen in window.seen if seen.frame > state.frame - state.scene.age]
    earlier = tuple(take for take in state.earlier if take in [seen.take for seen in mine[:-1]])
    premise = replace(
        state.premise,
        venues=tuple(_venues(window, choose)),
        cast=tuple(_cast(window, state.premise, choose)),
    )
    return _other_light(replace(state, premise=premise, earlier=earlier), choose)


def _venues(window: Window, choose: Sampler) -> Iterator[Venue]:
    """Places that were not seen are others, angles that were not seen have other shadows."""
    venues = window.last.premise.venues
    taken = {venue.place_index for venue in venues}
    for index, venue in enumerate(venues):
        angles = {seen.take.angle for seen in window.seen if seen.scene.venue == index}
        place = venue.place_index
        if not angles:
            place = choose.pick("place", [float(other not in taken) for other in range(len(PLACES))])
        new = _draw_venue(choose, DIALS, place, "night" if venue.light == "lamplight" else venue.light)
        yield _with_angles(venue, new, angles) if angles else new


def _with_angles(venue: Venue, new: Venue, angles: set[int]) -> Venue:
    """A venue as it is at some angles, and as another at the rest."""
    kept = {}
    for name in ("patterns", "foregrounds"):
        pairs = enumerate(zip(getattr(venue, name), getattr(new, name), strict=True))
        kept[name] = tuple(own if angle in angles else other for angle, (own, other) in pairs)
    return replace(venue, **kept)


def _cast(window: Window, premise: Premise, choose: Sampler) -> Iterator[Character]:
    """People who were not seen look otherwise; their names may have been told."""
    known = {subject for seen in window.seen for subject in seen.take.subjects}
    strangers = draw_cast(choose, len(premise.cast))
    for index, (own, other) in enumerate(zip(premise.cast, strangers, strict=True)):
        yield own if index in known or own.look.sex != other.look.sex else replace(own, look=other.look)


def _other_light(state: State, choose: Sampler) -> State:
    """The place brighter and every take of it darker, or the reverse: the pictures stay as they are."""
    takes = (*state.earlier, state.take)
    lights = [take.flicker for take in takes]
    room = [step for step in range(-6, 7, 2) if min(lights) + step >= -FURTHEST_LIGHT]
    steps = [step for step in room if max(lights) + step <= FURTHEST_LIGHT] or [0]
    step = steps[choose.pick("light step", len(steps))]
    *earlier, take = (replace(take, flicker=take.flicker + step) for take in takes)
    here = replace(state.venue, exposures=tuple(exposure - step for exposure in state.venue.exposures))
    venues = [here if venue is state.venue else venue for venue in state.premise.venues]
    premise = replace(state.premise, venues=tuple(venues))
    return replace(state, premise=premise, earlier=tuple(earlier), take=take)


def naming(stories: Stories) -> dict[str, float]:
    """F1 of the names and places in the best set, in one true draw, and in frame 4's description, on all windows."""
    windows = stories.test
    places, rows, found = np.arange(len(windows)), [], {}
    chosen = windows_of(windows, places)
    told = [[future.words for future in islice(futures(w.last, w.draws()), FUTURES)] for w in chosen]
    for name in ("names", "places"):
        known = _any_of({_spaced(text) for mark in windows.marks for text in mark.get(name, [])})
        scores = []
        for place, drawn in zip(places, told, strict=True):
            texts = windows.window_texts(int(place))
            if known.search(_spaced(texts[4])):
                best = best_set(known, drawn)
                scores.append([_agreement(known, said, texts[4]) for said in (best, drawn[0], texts[3])])
        means = np.mean(scores, axis=0).tolist()
        rows.append([name, *means, len(scores)])
        found |= {f"oracle_{name}_right": means[0], f"drawn_{name}_right": means[1]}
    print(tabulate(rows, ["F1", "best set", "one true draw", "frame 4", "windows"], floatfmt=".3f"))
    return found


def best_set(known, drawn: list[str]) -> str:
    """Of the sets of mentions that were drawn, or two of them together, the one with the highest mean F1."""
    sets = [" . ".join(sorted(set(known.findall(_spaced(text))))) for text in drawn]
    pairs = {f"{one} . {other}" for one in sets[:8] for other in sets[:8]}
    return max(
        sorted(set(sets) | pairs), key=lambda said: np.mean([_agreement(known, said, s) for s in sets])
    )


if __name__ == "__main__":
    main()
