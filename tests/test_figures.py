"""The figures of a study, read back from what was drawn."""

import numpy as np
import pytest

from ablation.analyse.figures import arms_figure, causes_figure, steps_figure, study_figures
from ablation.analyse.judge import Judge
from ablation.analyse.palette import BEST, FLOOR, PAPER
from ablation.analyse.study_record import cells_of
from tests.test_judge import Made

RATIO = "test/image_over_floor"
ARMS = {
    "notebook": {},
    "step 1": {"fused_dim": 32},
    "only norm": {"latent_norm": "layernorm"},
    "only raw": {"equalize": False},
    "all": {"latent_norm": "layernorm", "equalize": False},
    "all but norm": {"equalize": False},
    "all but raw": {"latent_norm": "layernorm"},
}
LOSSES = {
    "notebook": [0.300, 0.302], "step 1": [0.29, 0.28], "only norm": [0.270, 0.268], "only raw": [0.299, 0.300],
    "all": [0.240, 0.243], "all but norm": [0.290, 0.291], "all but raw": [0.250, 0.252],
}  # fmt: skip


def results(losses=LOSSES, metrics=None):
    return judged(losses, metrics)[1]


def judged(losses=LOSSES, metrics=None):
    """The record, and the rows of two measures."""
    made = Made(ARMS, losses, metrics or {})
    record = made.record()
    judge = Judge(record, cells_of(record, made.runs()))
    return record, {name: judge.results(name) for name in (RATIO, "test/image_loss")}


def labels(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def dots(axes):
    """The means."""
    return [line for line in axes.lines if line.get_marker() == "o" and line.get_markersize() == 6]


def lines(axes, colour):
    return [line for line in axes.lines if line.get_color() == colour]


def test_a_study_with_cures_and_steps_gives_three_figures(tmp_path):
    figures = study_figures(results())
    assert list(figures) == ["arms", "differences", "causes", "steps"]
    figures["causes"].savefig(tmp_path / "causes.svg")
    assert "left out of all" in (tmp_path / "causes.svg").read_text()
    assert list(study_figures(results({"notebook": [0.3], "step 1": []}))) == ["arms"]
    assert study_figures(results({"notebook": []})) == {}


def test_the_cure_that_is_missed_most_stands_first_in_every_panel():
    upper = causes_figure(results()).axes[:2]
    assert labels(upper[0]) == ["norm", "raw"]
    assert np.allclose([dot.get_xdata()[0] for dot in dots(upper[0])], [0.269 / 0.30, 0.2995 / 0.30])
    assert np.allclose([dot.get_xdata()[0] for dot in dots(upper[1])], [0.2905 / 0.30, 0.251 / 0.30])


def test_the_steps_lead_from_the_baseline_to_all():
    axes = steps_figure(results()).axes[0]
    assert labels(axes) == ["notebook", "1", "all"]
    assert lines(axes, FLOOR)[0].get_xdata() == [1, 1]


def test_steps_on_more_than_three_measures_go_on_below():
    made = {f"{name}, {number}": rows for number in (1, 2) for name, rows in results().items()}
    figure = steps_figure(made)
    assert [axes.get_subplotspec().rowspan.start for axes in figure.axes] == [0, 0, 0, 1]


def test_an_arm_that_does_not_learn_is_hollow():
    """By collapse, or at the floor, as the gate has it."""
    collapsed = {"all": {"health/test_prediction_spread": 0.0}}
    axes = arms_figure(results(metrics=collapsed)[RATIO]).axes[0]
    hollow = [dot.get_markerfacecolor() == PAPER for dot in dots(axes)]
    assert [name for name, is_hollow in zip(ARMS, hollow, strict=True) if is_hollow] == [
        "notebook", "only raw", "all"
    ]  # fmt: skip


def test_every_figure_says_what_its_signs_mean_once():
    figures = study_figures(results())
    signs = {
        name: [text.get_text() for text in figure.legends[0].get_texts()] for name, figure in figures.items()
    }
    assert signs["arms"] == signs["steps"] == ["floor", "does not learn"]
    assert signs["causes"] == ["what it is compared with", "floor", "does not learn"]
    assert signs["differences"] == ["does not learn"]
    learned = {"notebook": [0.24], "step 1": [0.23]}
    assert [text.get_text() for text in arms_figure(results(learned)[RATIO]).legends[0].get_texts()] == [
        "floor"
    ]


def test_a_cure_that_was_only_left_out_has_an_empty_row_alone():
    losses = {name: values for name, values in LOSSES.items() if name != "only raw"}
    made = results(losses)
    short = {name: [row for row in rows if row.arm != "only raw"] for name, rows in made.items()}
    alone, left_out = causes_figure(short).axes[:2]
    assert labels(alone) == ["norm", "raw"]
    assert [dot.get_ydata()[0] for dot in dots(alone)] == [0] and len(dots(left_out)) == 2


def test_a_plain_loss_stands_beside_its_floor_and_the_best_too():
    """Those of the baseline's runs; a measure without a floor has none."""
    oracle = {name: {"floor/test_image_oracle": 0.2} for name in ARMS}
    _, rows = judged(metrics=oracle)
    axes = arms_figure(rows["test/image_loss"]).axes[0]
    (floor,), (best,) = lines(axes, FLOOR), lines(axes, BEST)
    assert floor.get_xdata() == pytest.approx([0.3, 0.3]) and best.get_xdata() == pytest.approx([0.2, 0.2])
    ratio = arms_figure(rows[RATIO]).axes[0]
    assert lines(ratio, FLOOR)[0].get_xdata() == [1, 1]
    assert lines(ratio, BEST)[0].get_xdata() == pytest.approx([2 / 3, 2 / 3])


def test_steps_on_a_measure_that_no_run_has_are_an_empty_panel():
    made = results()
    for row in made["test/image_loss"]:
        row.values.clear()
    assert [len(dots(axes)) for axes in steps_figure(made).axes] == [3, 0]
