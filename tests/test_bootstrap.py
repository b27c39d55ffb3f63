"""The multi-bootstrap: by hand, against the known standard error, the same draws for both arms."""

import math
import tracemalloc

import numpy as np
import pytest

from ablation.analyse import bootstrap
from ablation.analyse.bootstrap import StoryScores, multi_bootstrap


def scores(values, units=1):
    """Of (seeds, stories) mean losses, every story with as many units."""
    values = np.array(values, dtype=float)
    return StoryScores(values * units, np.full(values.shape, float(units)))


def normal(seed, shape=(6, 40)):
    return np.random.default_rng(seed).normal(1, 1, shape)


def test_one_seed_and_one_story_leave_nothing_to_resample():
    assert multi_bootstrap([(1, scores([[3.0]]))], [(1, scores([[1.0]]))]) == (2, 2)


def test_resampling_two_seeds_or_two_stories_by_hand():
    """Halves, and a quarter either side. Stories weigh by their units: 10 over 4, not the mean of 1 and 3."""
    stories, nothing = StoryScores(np.array([[1.0, 9.0]]), np.array([[1.0, 3.0]])), scores([[0.0, 0.0]])
    assert multi_bootstrap([(1, stories)], [(1, nothing)]) == (1, 3)
    assert multi_bootstrap([(1, stories)], [(1, nothing)], level=0.4) == (2.5, 2.5)
    seeds, nothing = scores([[0.0], [2.0]]), scores([[0.0], [0.0]])
    assert multi_bootstrap([(1, seeds)], [(1, nothing)]) == (0, 2)
    assert multi_bootstrap([(1, seeds)], [(1, nothing)], level=0.4) == (1, 1)


def test_the_interval_has_the_width_of_the_analytic_standard_error():
    by_seed, by_story = normal(0, (40, 1)), 3 * normal(1, (1, 200))
    low, high = multi_bootstrap([(1, scores(by_seed + by_story))], [(1, scores(np.zeros((40, 200))))])
    error = math.sqrt(by_seed.var() / 40 + by_story.var() / 200)
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.04)
    assert (high + low) / 2 == pytest.approx(by_seed.mean() + by_story.mean(), abs=0.1 * error)


def test_both_arms_are_drawn_alike():
    values = 100 * normal(0)
    assert multi_bootstrap([(1, scores(values))], [(1, scores(values.copy()))]) == (0, 0)
    shifted = multi_bootstrap([(1, scores(values + 0.5))], [(1, scores(values))])
    assert shifted == pytest.approx((0.5, 0.5), abs=1e-9)


def test_parts_add_up_by_their_weights_on_the_same_draws():
    image, text = normal(0), normal(1)
    total = multi_bootstrap([(1, scores(image + 0.2 * text))], [(1, scores(text))])
    parts = multi_bootstrap([(1, scores(image)), (0.2, scores(text, units=7))], [(1, scores(text))])
    assert parts == pytest.approx(total, abs=1e-9)


def test_the_story_is_the_cluster():
    """More windows of the same stories tell nothing new."""
    baseline = [(1, scores(normal(1)))]
    once, often = ([(1, scores(normal(0), units))] for units in (1, 64))
    assert multi_bootstrap(often, baseline) == multi_bootstrap(once, baseline)


def test_draws_repeat_bit_for_bit_and_come_from_the_seed(monkeypatch):
    pair = [(1, scores(normal(0)))], [(1, scores(normal(1)))]
    np.random.seed(5)  # noqa: NPY002
    once = multi_bootstrap(*pair)
    assert multi_bootstrap(*pair) == once != multi_bootstrap(*pair, seed=1)
    monkeypatch.setattr(bootstrap, "CELLS_AT_ONCE", 999)
    assert multi_bootstrap(*pair) == pytest.approx(once, abs=1e-12)


def test_twenty_seeds_on_six_thousand_stories_fit_in_memory():
    pair = [(1, scores(normal(0, (20, 6000))))], [(1, scores(normal(1, (20, 6000))))]
    tracemalloc.start()
    multi_bootstrap(*pair)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300e6


def test_scores_that_do_not_pair_are_refused():
    one, other = [(1, scores(normal(0)))], [(1, scores(normal(0, (5, 40))))]
    with pytest.raises(ValueError, match=r"\(6, 40\).*\(5, 40\)"):
        multi_bootstrap(one, other)
    with pytest.raises(ValueError, match="0 parts of the arm"):
        multi_bootstrap([], one)
    with pytest.raises(ValueError, match="level 95"):
        multi_bootstrap(one, one, level=95)
    with pytest.raises(ValueError, match="no unit"):
        multi_bootstrap([(1, StoryScores(np.ones((1, 2)), np.array([[1.0, 0.0]])))], [(1, scores([[1, 1]]))])


@pytest.mark.parametrize(
    ("sums", "counts", "told"),
    [
        (np.ones((2, 3)), np.ones((3, 2)), r"\(2, 3\) and counts \(3, 2\)"),
        (np.ones(3), np.ones(3), r"\(3,\)"),
        (np.ones((0, 3)), np.ones((0, 3)), "no seed"),
        (np.full((1, 1), np.nan), np.ones((1, 1)), "finite"),
        (np.ones((1, 1)), -np.ones((1, 1)), "-1"),
    ],
)
def test_scores_that_are_none_are_refused(sums, counts, told):
    with pytest.raises(ValueError, match=told):
        StoryScores(sums, counts)
