"""Intervals, tests and plans for paired seeds: simulated, against scipy and statsmodels, and by hand."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import ttost_paired

from ablation.analyse import inference
from ablation.analyse.inference import (
    detection_power,
    equivalence_margin,
    equivalence_power,
    hedges_dz,
    hedges_dz_interval,
    holm,
    mean_interval,
    minimum_detectable,
    paired_t,
    probability_better,
    seeds_for_equivalence,
    seeds_to_detect,
    sign_flip,
    tost,
    wilson,
)

SIMULATIONS = 4000
TABLE = {
    3: (2.48, 3.26, 2.66, 0.25),
    5: (1.24, 1.68, 1.60, 0.0625),
    8: (0.84, 1.16, 1.15, 0.0078),
    10: (0.72, 1.00, 1.00, 0.0020),
    20: (0.47, 0.66, 0.68, 2e-6),
}
"""Seeds: t half-width, minimum detectable effect and TOST margin at 80 % power in SDs of d, smallest sign-flip p.
The rule book has 3.27 for the effect at 3 seeds; statsmodels says 3.264, as this does."""
values = st.integers(-(10**6), 10**6).map(lambda i: i / 1000)
spread_out = st.lists(values, min_size=3, max_size=9).map(np.array).filter(np.ptp)
shares = st.floats(0, 1)


def rejected(test, n, mean):
    """Share of simulated sets of n differences, of SD 1, that a test rejects at .05."""
    d = np.random.default_rng(n).normal(mean, 1, (SIMULATIONS, n))
    return np.mean([test(row) < 0.05 for row in d])


def three_errors(share):
    return 3 * math.sqrt(share * (1 - share) / SIMULATIONS)


def test_the_paired_t_errs_as_often_as_it_says():
    assert rejected(paired_t, 5, mean=0) == pytest.approx(0.05, abs=three_errors(0.05))


def test_the_sign_flip_errs_as_often_as_its_steps_allow():
    level = 6 / 128
    assert rejected(lambda d: sign_flip(d).p, 8, mean=0) == pytest.approx(level, abs=three_errors(level))


@pytest.mark.parametrize("n", [5, 10])
def test_an_arm_on_the_margin_is_seldom_called_equivalent(n):
    margin = equivalence_margin(n)
    for mean in (-margin, margin):
        assert 0.02 < rejected(lambda d: tost(d, margin), n, mean) <= 0.05 + three_errors(0.05)


@pytest.mark.parametrize("n", [5, 10])
def test_the_planned_power_is_the_simulated_one(n):
    margin = equivalence_margin(n)
    power = pytest.approx(0.8, abs=three_errors(0.8))
    assert rejected(paired_t, n, minimum_detectable(n)) == power
    assert rejected(lambda d: tost(d, margin), n, mean=0) == power


@pytest.mark.parametrize("n", TABLE)
def test_the_table_of_the_plan(n):
    half_width, effect, margin, smallest = TABLE[n]
    alternating = np.resize([1.0, -1.0], n)
    low, high = mean_interval(alternating)
    assert (high - low) / 2 / alternating.std(ddof=1) == pytest.approx(half_width, abs=0.005)
    assert minimum_detectable(n) == pytest.approx(effect, abs=0.005)
    assert equivalence_margin(n) == pytest.approx(margin, abs=0.005)
    assert sign_flip(np.ones(n)).smallest == pytest.approx(smallest, rel=0.05)


@given(spread_out, st.sampled_from([0.5, 0.9, 0.95]))
def test_interval_and_paired_t_agree_with_scipy(d, level):
    reference = stats.ttest_rel(d, np.zeros_like(d))
    assert paired_t(d) == pytest.approx(reference.pvalue, rel=1e-10, abs=1e-10)
    interval = reference.confidence_interval(level)
    assert mean_interval(d, level) == pytest.approx(interval, rel=1e-10, abs=1e-10)


@given(spread_out, st.floats(0.01, 1000))
def test_tost_agrees_with_statsmodels(d, delta):
    reference = ttost_paired(d, np.zeros_like(d), -delta, delta)[0]
    assert tost(d, delta) == pytest.approx(reference, rel=1e-10, abs=1e-10)


@given(st.lists(st.integers(-3, 3), min_size=2, max_size=7))
def test_the_sign_flip_agrees_with_scipy_with_its_ties(d):
    reference = stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip(np.array(d) * 0.1).p == pytest.approx(reference.pvalue, abs=1e-10)


@settings(max_examples=25)
@given(st.lists(shares, min_size=1, max_size=8))
def test_holm_agrees_with_statsmodels(ps):
    assert holm(ps) == pytest.approx(multipletests(ps, method="holm")[1], abs=1e-10)


@given(st.integers(1, 400), shares, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_wilson_agrees_with_statsmodels_and_contains_its_share(total, share, level):
    count = round(share * total)
    low, high = wilson(count, total, level)
    assert (low, high) == pytest.approx(proportion_confint(count, total, 1 - level, "wilson"), abs=1e-10)
    assert 0 <= low <= count / total <= high <= 1


@given(st.integers(2, 300), st.floats(0, 4))
def test_the_power_to_detect_agrees_with_statsmodels(n, standard_errors):
    effect = standard_errors / math.sqrt(n)
    reference = TTestPower().power(effect, n, 0.05, alternative="two-sided")
    assert detection_power(n, effect) == pytest.approx(reference, abs=1e-10)
    assert detection_power(n, minimum_detectable(n)) == pytest.approx(0.8, abs=1e-10)


@pytest.mark.parametrize("n", [2, 3, 10, 200])
def test_the_power_of_equivalence_is_the_chance_that_the_interval_fits(n):
    """Integrated over the chi-square of the variance, where the code goes over the SD."""
    critical, margin = stats.t.ppf(0.95, n - 1), equivalence_margin(n)

    def fits(variance):
        return max(0, 1 - 2 * stats.norm.sf(math.sqrt(n) * margin - critical * math.sqrt(variance / (n - 1))))

    most = (n - 1) * n * (margin / critical) ** 2
    assert stats.chi2.expect(fits, (n - 1,), ub=most, epsabs=1e-9) == pytest.approx(0.8, abs=1e-6)


@pytest.mark.parametrize(("n", "effect"), [(10, 3), (20, 3), (5, 20), (2, 1000), (1000, 100)])
def test_large_effects_are_found_where_scipy_gives_nan(n, effect):
    assert detection_power(n, effect) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("size", [0.3, 0.66, 1.0, 1.6, 2.7, 9.0])
def test_the_fewest_seeds_are_those_a_search_by_ones_finds(size):
    for plan, power_of in ((seeds_to_detect, detection_power), (seeds_for_equivalence, equivalence_power)):
        assert plan(size) == next(n for n in range(2, 200) if power_of(n, size) >= 0.8)
    assert seeds_to_detect(-size) == seeds_to_detect(size)


def test_more_seeds_than_one_would_pay_for_are_none():
    assert seeds_to_detect(0.0) is None and seeds_for_equivalence(0.0) is None
    assert seeds_to_detect(0.1) == 787 and seeds_to_detect(0.1, most=786) is None


@given(spread_out, st.sampled_from([2.0**-20, 0.5, 1024.0]))
def test_sign_and_unit_do_not_matter(d, unit):
    for p in (paired_t, lambda d: sign_flip(d).p):
        assert p(-d * unit) == pytest.approx(p(d), abs=1e-12)
    assert tost(-d * unit, 2 * unit) == pytest.approx(tost(d, 2), abs=1e-12)
    assert hedges_dz(-d * unit) == pytest.approx(-hedges_dz(d), rel=1e-12)
    low, high = hedges_dz_interval(d)
    assert hedges_dz_interval(-d * unit) == pytest.approx((-high, -low), rel=1e-9, abs=1e-9)


@given(spread_out, st.randoms())
def test_the_order_of_the_seeds_does_not_matter(d, random):
    shuffled = np.array(random.sample(list(d), len(d)))
    assert paired_t(shuffled) == pytest.approx(paired_t(d), rel=1e-9)
    assert sign_flip(shuffled).p == sign_flip(d).p


@given(spread_out, st.floats(0.01, 1000), st.floats(1.001, 5))
def test_tost_falls_with_the_margin_and_agrees_with_the_90_percent_interval(d, delta, factor):
    p = tost(d, delta)
    assert tost(d, delta * factor) <= p
    low, high = mean_interval(d, 0.9)
    assume(abs(p - 0.05) > 1e-9)
    assert (p < 0.05) == (-delta < low and high < delta)


@given(st.lists(shares, min_size=1, max_size=8), st.integers(0, 8))
def test_holm_only_raises_keeps_the_order_and_passes_over_nan(ps, place):
    adjusted = holm(ps)
    assert all(a >= p for a, p in zip(adjusted, ps, strict=True)) and max(adjusted) <= 1
    assert [a for _, a in sorted(zip(ps, adjusted, strict=True))] == sorted(adjusted)
    place = min(place, len(ps))
    with_nan = holm([*ps[:place], math.nan, *ps[place:]])
    assert math.isnan(with_nan.pop(place)) and with_nan == adjusted


def test_holm_by_hand():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([]) == []
    with pytest.raises(ValueError, match=r"1\.5"):
        holm([0.2, 1.5])


def test_missing_comparisons_of_a_declared_family_count_as_if_they_showed_nothing():
    ps = [0.04, math.nan, 0.01, math.nan]
    assert holm(ps, family=4)[::2] == pytest.approx(holm([0.04, 1.0, 0.01, 1.0])[::2])
    with pytest.raises(ValueError, match="a family of 1 does not hold 2"):
        holm(ps, family=1)


def test_the_sign_flip_by_hand():
    assert sign_flip([1.0, 2.0, 4.0]) == inference.SignFlip(p=0.25, smallest=0.25, exact=True)
    assert sign_flip([1.0, -2.0, 4.0]).p == 0.75
    assert sign_flip([0.1, 0.2, -0.3, 0.05]).p == 1
    assert sign_flip([0.3, 0.1, 0.1, 0.1]).p == 0.125
    assert sign_flip([7.0]) == inference.SignFlip(p=1.0, smallest=1.0, exact=True)


def test_beyond_twenty_seeds_the_flips_are_a_sample():
    d = np.random.default_rng(3).normal(0.4, 1, 21)
    sampled = sign_flip(d, np.random.default_rng(0))
    exact = np.mean(np.abs(inference._flipped_sums(d)) >= abs(d.sum()))
    assert sampled == sign_flip(d, np.random.default_rng(0)) and not sampled.exact
    assert sampled.p == pytest.approx(exact, abs=3 * math.sqrt(exact / inference.RANDOM_FLIPS))
    assert sign_flip(np.ones(40), np.random.default_rng(0)).p == sampled.smallest == 1 / 100_001
    with pytest.raises(ValueError, match="21 seeds are over 20"):
        sign_flip(d)


def test_the_correction_of_dz_by_hand_and_its_lack_of_bias():
    assert hedges_dz([1.0, 2.0, 3.0]) == pytest.approx(2 / math.sqrt(math.pi))
    assert hedges_dz([0.0, 1.0, 2.0, 3.0, 4.0]) == pytest.approx(2 / math.sqrt(2.5) * math.sqrt(2 / math.pi))
    estimates = [hedges_dz(d) for d in np.random.default_rng(0).normal(1, 1, (SIMULATIONS, 5))]
    assert np.mean(estimates) == pytest.approx(1, abs=3 * np.std(estimates) / math.sqrt(SIMULATIONS))


def correction(n):
    """What `hedges_dz` makes of a mean/SD of 1."""
    d = stats.zscore(np.arange(n), ddof=1) + 1
    return hedges_dz(d)


@given(spread_out)
def test_the_interval_of_dz_inverts_the_noncentral_t(d):
    n = len(d)
    t = np.mean(d) / np.std(d, ddof=1) * math.sqrt(n)
    assume(abs(t) < 20)
    low, high = (end / correction(n) * math.sqrt(n) for end in hedges_dz_interval(d))
    assert stats.nct.cdf(t, n - 1, [low, high]) == pytest.approx([0.975, 0.025], abs=1e-9)


def test_the_interval_of_dz_covers_as_often_as_it_says():
    simulated = np.random.default_rng(0).normal(1, 1, (SIMULATIONS // 4, 5))
    covered = [low < correction(5) < high for low, high in map(hedges_dz_interval, simulated)]
    assert np.mean(covered) == pytest.approx(0.95, abs=2 * three_errors(0.95))


def test_who_is_better():
    d = [-1.0, -2.0, 0.0, 3.0]
    assert probability_better(d, lower_is_better=True) == 0.625
    assert probability_better(d, lower_is_better=False) == 0.375


def test_what_too_few_seeds_cannot_tell_is_nan():
    for d in ([], [0.3]):
        unknown = [paired_t(d), tost(d, 1), hedges_dz(d), *mean_interval(d), *hedges_dz_interval(d)]
        assert np.isnan(unknown).all()
    assert math.isnan(sign_flip([]).p) and math.isnan(probability_better([], True))
    assert math.isnan(hedges_dz([1.0, 2.0])) and np.isnan(hedges_dz_interval([1.0, 2.0])).all()
    assert minimum_detectable(1) == equivalence_margin(0) == math.inf
    assert np.isnan(wilson(0, 0)).all()


def test_differences_without_spread():
    same = [0.1, 0.1, 0.1]
    assert paired_t(same) == 0 and paired_t([0.0, 0.0]) == 1
    assert tost(same, 0.2) == 0 and tost(same, 0.1) == 1 and tost(np.negative(same), 0.1) == 1
    assert mean_interval(same) == (0.1, 0.1)
    assert math.isnan(hedges_dz(same)) and np.isnan(hedges_dz_interval(same)).all()
    assert sign_flip([0.0, 0.0, 0.0]).p == 1


@pytest.mark.parametrize("measure", [mean_interval, paired_t, sign_flip, hedges_dz, hedges_dz_interval])
def test_differences_that_are_none_are_refused(measure):
    with pytest.raises(ValueError, match="nan at 1, inf at 2 of 3 values"):
        measure([0.1, math.nan, math.inf])
    with pytest.raises(ValueError, match=r"shape \(2, 3\)"):
        measure(np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: tost([1.0, 2.0], 0), "delta is 0"),
        (lambda: tost([1.0, 2.0], math.nan), "delta is nan"),
        (lambda: mean_interval([1.0, 2.0], 95), "level is 95"),
        (lambda: wilson(3, 2), "3 of 2"),
        (lambda: minimum_detectable(5, power=80), "power 80"),
        (lambda: seeds_to_detect(math.inf), "inf SDs"),
        (lambda: seeds_for_equivalence(-0.5), "-0.5 SDs"),
        (lambda: probability_better([math.nan], True), "nan at 0"),
    ],
)
def test_an_impossible_question_is_refused(call, told):
    with pytest.raises(ValueError, match=told):
        call()
