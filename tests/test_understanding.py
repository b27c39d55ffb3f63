"""Probes, naming and retrieval, against answers that are known beforehand."""

import io

import numpy as np
import pandas as pd
import pytest

from ablation.config.metrics import MEASURES
from ablation.data.tokens import decode, encode, train_wordpiece
from ablation.train import questions
from ablation.train.questions import MOST_SOUGHT, MOST_WRITTEN, ask, evenly, passes
from ablation.train.scores import joined
from ablation.train.understanding import Told, image_retrieval, naming, probes, text_retrieval
from tests.test_scores import task_of

WORDS = [f"word{number}" for number in range(40)]


def marked(labels):
    return [{"setting": label} for label in labels]


def test_a_probe_reads_what_is_there_and_nothing_else():
    draws = np.random.default_rng(0)
    labels = [("kitchen", "street")[i] for i in draws.integers(2, size=200)]
    telling = np.array([[label == "street", 0.5] for label in labels], float) + draws.normal(0, 0.1, (200, 2))
    empty = draws.normal(size=(200, 2))
    for codes, accuracy in ((telling, 1.0), (empty, 0.5)):
        found = probes(codes[:100], marked(labels[:100]), codes[100:], marked(labels[100:]))
        assert set(found) == {"health/test_probe_setting", "floor/test_probe_setting"}
        assert found["health/test_probe_setting"] == pytest.approx(accuracy, abs=0.15)
        commonest = max("kitchen", "street", key=labels[:100].count)
        assert found["floor/test_probe_setting"] == labels[100:].count(commonest) / 100


def test_rare_and_missing_labels_are_left_out():
    codes = np.random.default_rng(0).normal(size=(40, 3))
    labels = ["kitchen"] * 18 + ["street"] * 18 + ["moon"] * 3 + [None]
    found = probes(codes, marked(labels), codes[:20], marked(labels[:20]))
    assert found["floor/test_probe_setting"] == 18 / 20
    assert probes(codes, marked(["kitchen"] * 40), codes, marked(labels)) == {}
    assert probes(codes, [{}] * 40, codes, [{}] * 40) == {}


def test_names_and_places_by_hand():
    marks = [{"names": ["anna", "ben", "annabel"], "places": ["the old kitchen", "the kitchen"]}]
    told = Told(
        written=["Anna and Carl stand in the old kitchen.", "ben waits", "rain"],
        target=["Anna and Ben sit in the kitchen.", "Annabel waits", "Rain."],
        last=["anna, ben", "annabel", "ben"],
    )
    found = naming(told, marks)
    assert found["health/test_names_right"] == pytest.approx((2 / 3 + 0) / 2)
    assert found["floor/test_names_right"] == 1.0
    assert found["health/test_places_right"] == 0.0
    assert naming(told, [{}]) == {}


ANY_SCRIPT = {
    "José and Müller wait.": "José",
    "Das Mädchen öffnet die Tür, sammy jr. lacht.": "sammy jr.",
    "小明走进厨房。": "小明",
    "민수 기다린다": "민수",
}


@pytest.mark.parametrize("text, name", ANY_SCRIPT.items())
def test_what_is_written_back_word_for_word_is_right_in_any_script(text, name):
    """A tokenizer gives back lower case without accents, and Chinese characters one by one."""
    others = [f"another story, number{number}" for number in range(30)]
    tokenizer = train_wordpiece([text, text, *others, *others])
    written = decode(tokenizer, encode(tokenizer, [text])[0])
    found = naming(Told([written], [text], [text]), [{"names": [name]}])
    assert found == {"health/test_names_right": 1.0, "floor/test_names_right": 1.0}
    assert text_retrieval([written], np.array([0]), [text, *others])["health/test_text_retrieval"] == 1.0


@pytest.mark.parametrize(
    "targets, found", [(["🙂 !", "a b ? 1 c"], True), (["\u200b", "\u200b\u200b"], False)]
)
def test_texts_without_a_word_end_no_run(targets, found):
    assert bool(text_retrieval(targets, np.array([0, 1]), targets)) == found


def test_a_name_with_marks_is_found_however_it_is_spaced():
    told = Told(["in the all - night diner"], ["In the all-night diner."], ["in o ' hara's bar"])
    found = naming(told, [{"places": ["the all-night diner", "o'hara's bar"]}])
    assert (found["health/test_places_right"], found["floor/test_places_right"]) == (1.0, 0.0)


def test_retrieval_of_the_very_picture_of_any_and_of_one_for_all():
    draws = np.random.default_rng(0)
    targets = draws.random((200, 6))
    every = np.arange(200)
    assert image_retrieval(targets, every, targets)["health/test_image_retrieval"] == 1.0
    constant = image_retrieval(np.full((200, 6), 0.5), every, targets)
    assert constant["health/test_image_retrieval"] == constant["floor/test_retrieval"] == 10 / 200
    equal = image_retrieval(targets, every, np.full((200, 6), 0.5))
    assert equal["health/test_image_retrieval"] == 0.0
    some = image_retrieval(targets[[3, 7, 9]], np.array([3, 7, 150]), targets)
    assert some == {"health/test_image_retrieval": pytest.approx(2 / 3), "floor/test_retrieval": 10 / 200}


def test_retrieval_of_words():
    targets = [f"story {word}" for word in WORDS]
    found = text_retrieval(["about word1", "about word2"], np.array([1, 2]), targets)
    assert found == {"health/test_text_retrieval": 1.0}
    assert text_retrieval(["about word1"], np.array([13]), targets) == {"health/test_text_retrieval": 0.0}


def test_a_model_is_asked_on_its_test_windows(world, monkeypatch):
    monkeypatch.setattr(questions, "MOST_SOUGHT", 20)
    retrieval = []
    monkeypatch.setattr(questions, "image_retrieval", lambda *a: retrieval.append(a) or image_retrieval(*a))
    task, stories = task_of(world, windows="sliding", text_copy="words", image_copy="pixels")
    gone = []
    _, outputs = task.test(stories.test, gone.append)
    found, written = ask(task, stories.test, outputs, stories.tokenizer, gone.append)
    assert sum(gone) == passes(stories.test)
    table = pd.read_csv(io.StringIO(written), keep_default_na=False)
    assert table["window"].tolist() == stories.test.names()[:MOST_WRITTEN]
    start = stories.test.starts[3]
    assert table["target"][3] == stories.test.texts[start + 3] == table["frame4"][3]
    assert {"health/test_probe_shot", "health/test_names_right", "health/test_image_retrieval"} <= set(found)
    assert found["floor/test_names_right"] == 1.0
    assert all(0 <= value <= 1 for value in found.values())
    for name in found.keys() & MEASURES.keys():
        assert MEASURES[name].low <= found[name] <= MEASURES[name].high, name
    ((predicted, places, targets),) = retrieval
    assert len(predicted) == len(places) == 20 < len(targets) == len(stories.test)
    assert np.array_equal(places, evenly(len(stories.test), 20))
    assert np.array_equal(predicted, joined(outputs.pictures)[places])


@pytest.mark.parametrize("part, most", [("image", MOST_SOUGHT), ("text", MOST_WRITTEN)])
def test_how_many_windows_are_sought_is_declared(part, most):
    assert f"{most:,} of them" in MEASURES[f"health/test_{part}_retrieval"].unit and most >= 240


def test_evenly_chosen_places():
    assert evenly(3, 10).tolist() == [0, 1, 2]
    assert evenly(900, 4).tolist() == [0, 299, 599, 899]
