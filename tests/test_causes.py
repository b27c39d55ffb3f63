"""What each cure is worth: by hand, whichever way the measure goes, and with cells missing."""

import numpy as np
import pytest
from scipy import stats

from ablation.analyse.causes import Worth, causes_frame, causes_page
from ablation.analyse.judge import ArmResult
from ablation.config.metrics import MEASURES
from tests.test_figures import LOSSES, RATIO, results

FLOOR = 0.30


def row(frame, cure, metric=RATIO):
    return frame[(frame["cure"] == cure) & (frame["metric"] == metric)].iloc[0]


def ratio(arm):
    return np.array(LOSSES[arm]) / FLOOR


def test_alone_among_all_and_beyond_by_hand():
    norm = row(causes_frame(results()), "norm")
    alone, among_all = ratio("notebook") - ratio("only norm"), ratio("all but norm") - ratio("all")
    assert (norm["alone_n"], norm["alone_worth"]) == (2, pytest.approx(alone.mean()))
    assert norm["among_all_worth"] == pytest.approx(among_all.mean()) and norm["among_all_worth"] > 0
    beyond = stats.ttest_1samp(among_all - alone, 0)
    low, high = beyond.confidence_interval()
    assert norm["interaction_worth"] == pytest.approx((among_all - alone).mean())
    assert (norm["interaction_low"], norm["interaction_high"]) == pytest.approx((low, high))
    assert norm["interaction_p"] == pytest.approx(beyond.pvalue)


def test_what_is_worth_most_among_all_stands_first_and_p_is_corrected():
    frame = causes_frame(results())
    assert frame["cure"][:2].tolist() == ["norm", "raw"]
    ratios = frame[frame["metric"] == RATIO]
    assert ratios["interaction_p_holm"].min() == pytest.approx(2 * ratios["interaction_p"].min())


def test_a_cell_that_is_missing_leaves_its_seed_out_and_its_fields_empty():
    losses = {name: values for name, values in LOSSES.items() if name != "only raw"}
    raw = row(causes_frame(results(losses | {"all but raw": [0.25]})), "raw")
    assert (raw["alone_n"], raw["among_all_n"], raw["interaction_n"]) == (0, 1, 0)
    assert np.isnan(raw["alone_worth"]) and np.isnan(raw["among_all_low"])
    assert raw["among_all_worth"] == pytest.approx((0.25 - 0.24) / FLOOR)


def test_the_page_tells_intervals_where_there_are_any():
    page = causes_page(causes_frame(results()), RATIO)
    assert page.count("\n") == 3 and "| norm   | +0.1067 [" in page
    single = {name: values[:1] for name, values in LOSSES.items()}
    assert "[" not in causes_page(causes_frame(results(single)), RATIO)


@pytest.mark.parametrize(("metric", "sign"), [("test/image_loss", -1), ("health/test_image_skill", 1)])
def test_a_cure_that_helps_counts_as_positive_whichever_way_the_measure_goes(metric, sign):
    without, having = (
        ArmResult("", MEASURES[metric], True, values, {}, gate=None)
        for values in ({0: 0.5, 1: 0.5}, {1: 0.5 + 0.2 * sign, 2: 0.9})
    )
    assert Worth.between(without, having).by_seed == {1: pytest.approx(0.2)}
