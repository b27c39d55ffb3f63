"""The best answer of the embedded world: its futures, their entropy, the floors made of them."""

import json
import math
import threading
import time
from dataclasses import replace
from functools import partial
from itertools import islice

import numpy as np
import pytest

from ablation.config.config import Config
from ablation.data import oracle
from ablation.data.sources import open_source
from ablation.data.store import prepare
from ablation.data.windows import all_windows
from ablation.helpers import processors, threads_here
from ablation.places import cache_folder
from ablation.train.floors import image_median_floor, image_skill, oracle_floors
from ablation.world.choice import Sampler, choices_of
from ablation.world.futures import PICTURE, Future, futures, word_nats
from ablation.world.process import next_state
from ablation.world.story import plan_story


def states(count=12):
    return [plan_story(0, "train", number)[3] for number in range(count)]


class OtherPictures:
    """Repeats recorded choices, but draws those that touch only the picture anew."""

    def __init__(self, choices, generator):
        self.pending, self.fresh = list(choices), Sampler(generator)

    def pick(self, name, weights):
        recorded, index = self.pending.pop(0)
        assert recorded == name
        return self.fresh.pick(name, weights) if name.startswith(PICTURE) else index


def test_draws_of_the_picture_leave_the_words_alone():
    generator = np.random.default_rng(0)
    for state in states():
        sampler = Sampler(generator)
        one = next_state(state, sampler)
        other = next_state(state, OtherPictures(choices_of(sampler.trace), generator))
        assert Future(one, 0, 0).words == Future(other, 0, 0).words
        assert one.grain != other.grain


def test_told_nats_are_the_mean_surprise_of_the_told_draws():
    """Entropy is expected surprise: over many draws the two agree."""
    generator, differences = np.random.default_rng(1), []
    for state in states():
        for _ in range(60):
            sampler = Sampler(generator)
            following = next_state(state, sampler)
            surprise = [-math.log(draw.probability) for draw in sampler.trace]
            replaced = [
                type(d)(d.name, d.index, d.probability, s)
                for d, s in zip(sampler.trace, surprise, strict=True)
            ]
            differences.append(word_nats(following, sampler.trace)[0] - word_nats(following, replaced)[0])
    error = np.std(differences) / len(differences) ** 0.5
    assert abs(np.mean(differences)) < 4 * error < 1.0


def test_words_told_twice_are_rare():
    """The told draws decide the words: two futures with other told words have other texts."""
    drawn = list(islice(futures(states(1)[0], np.random.default_rng(2)), 300))
    texts = {future.words for future in drawn}
    assert len(texts) > 295
    assert all(future.told > 5 and future.hinted >= 0 for future in drawn)


def stored(windows):
    config = Config(world_stories=20, windows=windows)
    return prepare(config, open_source(config.dataset, config.world_stories))


@pytest.fixture
def windows():
    store = stored("sliding")
    return store, all_windows(store, "train", "frame5")


def test_perfect_understanding_beats_every_floor(windows, monkeypatch):
    store, train = windows
    monkeypatch.setattr(oracle, "FUTURES", 16)
    chosen = np.arange(0, len(train), max(1, len(train) // 24))[:24]
    asked = train.at(chosen)
    found = oracle.window_oracles(store, asked, True)
    constant = image_median_floor(train, asked)
    floor = oracle_floors(found, "frame5", batch_size=8)
    assert floor["floor/image_oracle"] < constant
    assert 0 < floor["floor/image_oracle_error"] < 0.1 * floor["floor/image_oracle"]
    assert 0 < floor["floor/text_oracle"] - floor["floor/text_oracle_error"] < 1
    assert oracle_floors(found, "frame4", 8)["floor/text_oracle"] == 0
    monkeypatch.setattr(oracle, "score", None)
    assert oracle.window_oracles(store, asked, True) == found


def test_the_state_before_is_that_of_frame_four(windows):
    store, train = windows
    (task,) = oracle._tasks(store, train.at(np.array([3])), True)
    assert task.first_frame == 4 and np.array_equal(task.target, train.frames[train.starts[3] + 4])
    before = plan_story(0, "train", int(task.story_id[-5:]))[task.first_frame + 2]
    assert before.frame == 7


def test_skill_is_0_at_the_constant_image_and_1_at_the_oracle():
    skill = partial(image_skill, median=0.2, oracle=0.12)
    assert skill(0.2) == 0
    assert skill(0.12) == pytest.approx(1)
    assert skill(0.24) == pytest.approx(-0.5)


def test_an_answer_serves_stores_of_other_windows_and_none_is_lost_between_processes(windows, monkeypatch):
    monkeypatch.setattr(oracle, "FUTURES", 4)
    store, sliding = windows
    first = all_windows(stored("first"), "train", "frame5").at(np.arange(2))
    found = oracle.window_oracles(store, sliding.of_kind("first").at(np.arange(2)), True)
    file = next((cache_folder() / "oracle").glob("*-4.json"))
    before = json.loads(file.read_text())
    another = {"of another process": next(iter(before.values()))}
    file.write_text(json.dumps(before | another))
    oracle.window_oracles(store, sliding.of_kind("first").at(np.arange(3)), True)
    now = json.loads(file.read_text())
    assert len(now) == len(before) + 2 and all(now[key] == value for key, value in (before | another).items())
    monkeypatch.setattr(oracle, "score", None)
    assert oracle.window_oracles(stored("first"), first, True) == found


def test_of_those_that_ask_at_once_one_computes(windows, monkeypatch):
    monkeypatch.setattr(oracle, "FUTURES", 3)
    store, sliding = windows
    few, begin, scored, score = sliding.at(np.arange(3)), threading.Barrier(2), [], oracle.score

    def scoring(task):
        scored.append(task.key)
        time.sleep(0.2)
        return score(task)

    def ask():
        begin.wait()
        found.append(oracle.window_oracles(store, few, True))

    found: list = []
    monkeypatch.setattr(oracle, "score", scoring)
    asking = [threading.Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert found[0] == found[1] and len(scored) == 3


def test_helpers_are_as_many_as_threads_are_allowed(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert threads_here() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert threads_here() == processors()


def test_other_code_gives_no_old_answer(windows, monkeypatch):
    monkeypatch.setattr(oracle, "FUTURES", 2)
    store, sliding = windows
    one = sliding.of_kind("first").at(np.arange(1))
    (found,) = oracle.window_oracles(store, one, True)
    monkeypatch.setattr(oracle, "code_digest", lambda *places: "other code")
    monkeypatch.setattr(oracle, "score", lambda task: (task.key, replace(found, tokens=0)))
    (anew,) = oracle.window_oracles(store, one, True)
    assert anew.tokens == 0 != found.tokens
