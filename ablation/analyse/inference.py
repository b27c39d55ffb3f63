"""Intervals, tests and plans for paired differences, one per seed.

`d` is a 1-D array, arm minus baseline on the same seed, in the metric's units. A `d` of another shape, or with a
value that is not finite, raises ValueError. What n seeds cannot tell is nan, never 0.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import integrate, optimize, special

ALPHA = 0.05
EXACT_UP_TO = 20
"""Seeds; one more doubles the sums of the exact sign-flip test, 4 MB here."""
RANDOM_FLIPS = 100_000
FLIPS_AT_ONCE = 5_000
ROUNDING = 1e-12
"""Relative to the sum of |d|: flipped means closer than this are ties."""
FAR = 9.5
"""Standard deviations; less than 1e-20 of a normal variable lies beyond."""
NODES = 200


@dataclass(frozen=True)
class SignFlip:
    p: float
    """Two-sided; nan without seeds."""
    smallest: float
    """The p that this many seeds would give if all agreed in sign."""
    exact: bool
    """Every flip was counted, not a random sample of them."""


def mean_interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """The t interval of the mean, in the units of `values`; (nan, nan) below two values."""
    n, mean, sd = moments(values)
    if n < 2:
        return math.nan, math.nan
    half = _t_quantile((1 + _share("level", level)) / 2, n) * sd / math.sqrt(n)
    return mean - half, mean + half


def paired_t(d: ArrayLike) -> float:
    """Two-sided p; nan below two seeds. Without any spread 1 at a mean of 0, else 0."""
    n, mean, sd = moments(d)
    if n < 2:
        return math.nan
    if sd == 0:
        return float(mean == 0)
    return float(2 * special.stdtr(n - 1, -abs(mean) / sd * math.sqrt(n)))


def sign_flip(d: ArrayLike, generator: np.random.Generator | None = None) -> SignFlip:
    """How often |mean| is at least as large with the signs flipped, the signs as they are among the flips.

    Exact up to EXACT_UP_TO seeds. Beyond, RANDOM_FLIPS flips from `generator`; without one, ValueError.
    """
    d = _differences(d)
    if not d.size:
        return SignFlip(math.nan, math.nan, exact=True)
    if d.size > EXACT_UP_TO:
        return _random_sign_flip(d, generator)
    sums = np.abs(_flipped_sums(d))
    p = float(np.mean(sums >= _as_far(d)))
    return SignFlip(p, smallest=1 / sums.size, exact=True)


def _flipped_sums(d: np.ndarray) -> np.ndarray:
    """(2^(n-1),): with the first sign kept, as the other half are these negated."""
    sums = d[:1]
    for value in d[1:]:
        sums = np.concatenate([sums + value, sums - value])
    return sums


def _random_sign_flip(d: np.ndarray, generator: np.random.Generator | None) -> SignFlip:
    if generator is None:
        raise ValueError(f"{d.size} seeds are over {EXACT_UP_TO}, the most for all flips; pass a generator")
    as_far = 1
    for _ in range(RANDOM_FLIPS // FLIPS_AT_ONCE):
        signs = generator.integers(0, 2, (FLIPS_AT_ONCE, d.size)) * 2 - 1
        as_far += int(np.count_nonzero(np.abs(signs @ d) >= _as_far(d)))
    return SignFlip(as_far / (RANDOM_FLIPS + 1), smallest=1 / (RANDOM_FLIPS + 1), exact=False)


def _as_far(d: np.ndarray) -> float:
    return abs(d.sum()) - ROUNDING * np.abs(d).sum()


def tost(d: ArrayLike, delta: float) -> float:
    """p that the mean lies outside (-delta, delta); `delta` > 0 in the units of `d`. Schuirmann 1987.

    nan below two seeds. Without any spread 0 when the mean is inside, else 1.
    """
    if not 0 < delta < math.inf:
        raise ValueError(f"delta is {delta}; the margin must be positive and finite")
    n, mean, sd = moments(d)
    if n < 2:
        return math.nan
    if sd == 0:
        return float(abs(mean) >= delta)
    return float(special.stdtr(n - 1, (abs(mean) - delta) / sd * math.sqrt(n)))


def holm(ps: Sequence[float], family: int | None = None) -> list[float]:
    """Adjusted p in the order given. A nan stays nan and does not count in the family, unless `family` says how many
    comparisons were declared: those that are missing then count as if they showed nothing. Holm 1979.
    """
    given = np.asarray(ps, dtype=float)
    if np.any((given < 0) | (given > 1)):
        raise ValueError(f"{list(ps)} are not all p values in [0, 1]")
    order = np.argsort(given)[: np.count_nonzero(~np.isnan(given))]
    family = order.size if family is None else family
    if family < order.size:
        raise ValueError(f"a family of {family} does not hold {order.size} comparisons")
    steps = given[order] * np.arange(family, family - order.size, -1)
    adjusted = np.full(given.shape, math.nan)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(steps))
    return adjusted.tolist()


def strictest(family: int) -> float:
    """The level of Holm's first step over so many comparisons, at which each may have to win its verdict."""
    return ALPHA / max(family, 1)


def hedges_dz(d: ArrayLike) -> float:
    """mean/SD without its bias in small samples. Hedges 1981.

    nan without spread and below three seeds: at two, mean/SD has no expectation and the correction is 0.
    """
    n, mean, sd = moments(d)
    return mean / sd * _hedges_correction(n - 1) if n > 2 and sd > 0 else math.nan


def hedges_dz_interval(d: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """The noncentral t interval of mean/SD, corrected like `hedges_dz`; (nan, nan) where that is nan."""
    n, mean, sd = moments(d)
    if n < 3 or sd == 0:
        return math.nan, math.nan
    tail = (1 - _share("level", level)) / 2
    t = abs(mean) / sd * math.sqrt(n)
    ends = [_hedges_correction(n - 1) * _centre_of(t, n - 1, p) / math.sqrt(n) for p in (1 - tail, tail)]
    return (ends[0], ends[1]) if mean >= 0 else (-ends[1], -ends[0])


def _hedges_correction(freedom: int) -> float:
    """In (0, 1) from two degrees of freedom on."""
    log_gammas = special.gammaln(freedom / 2) - special.gammaln((freedom - 1) / 2)
    return float(np.exp(log_gammas) / math.sqrt(freedom / 2))


def probability_better(d: ArrayLike, lower_is_better: bool) -> float:
    """Share of the seeds on which the arm beats the baseline, ties as ½; nan without seeds."""
    d = _differences(d)
    if not d.size:
        return math.nan
    better = d < 0 if lower_is_better else d > 0
    return float(np.mean(better + 0.5 * (d == 0)))


def wilson(count: int, total: int, level: float = 0.95) -> tuple[float, float]:
    """The interval of the share count/total, inside [0, 1]; (nan, nan) for a total of 0. Wilson 1927."""
    if not 0 <= count <= total:
        raise ValueError(f"{count} of {total} is not a share")
    if total == 0:
        return math.nan, math.nan
    z = float(special.ndtri((1 + _share("level", level)) / 2))
    share, shrunk = count / total, 1 + z**2 / total
    centre = (share + z**2 / (2 * total)) / shrunk
    half = z * math.sqrt(share * (1 - share) / total + (z / (2 * total)) ** 2) / shrunk
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def detection_power(n: int, effect_in_sd: float, alpha: float = 0.05) -> float:
    """Of the two-sided paired t on n ≥ 2 seeds, at a true mean of `effect_in_sd` SDs of d; both tails count."""
    critical = _t_quantile(1 - alpha / 2, n)
    centre = effect_in_sd * math.sqrt(n)
    return 2 - _noncentral_t(critical, n - 1, centre) - _noncentral_t(critical, n - 1, -centre)


def equivalence_power(n: int, margin_in_sd: float, alpha: float = 0.05) -> float:
    """Of TOST on n ≥ 2 seeds at a true mean of 0, for a margin in SDs of d.

    Given the estimated SD s (true SD 1), TOST holds where |mean|·√n < margin·√n - t·s: the chance of that,
    averaged over the distribution of s.
    """
    critical, margin, freedom = _t_quantile(1 - alpha, n), margin_in_sd * math.sqrt(n), n - 1
    low, high = _spreads(freedom)

    def weighted_chance(s: np.ndarray) -> np.ndarray:
        density = _chi_density(s * math.sqrt(freedom), freedom) * math.sqrt(freedom)
        return density * (2 * special.ndtr(margin - critical * s) - 1)

    return _integral(weighted_chance, low, min(high, margin / critical))


def minimum_detectable(n: int, power: float = 0.8, alpha: float = 0.05) -> float:
    """Smallest true mean, in SDs of d, that the two-sided paired t finds with this power; inf below two seeds."""
    return _smallest_with(detection_power, n, power, alpha)


def equivalence_margin(n: int, power: float = 0.8, alpha: float = 0.05) -> float:
    """Smallest margin, in SDs of d, that TOST has this power for at a true mean of 0; inf below two seeds."""
    return _smallest_with(equivalence_power, n, power, alpha)


def seeds_to_detect(
    effect_in_sd: float, power: float = 0.8, alpha: float = 0.05, most: int = 1000
) -> int | None:
    """Fewest seeds, at least two, whose paired t finds the effect with this power; None above `most`."""
    return _fewest_with(detection_power, abs(effect_in_sd), power, alpha, most)


def seeds_for_equivalence(
    margin_in_sd: float, power: float = 0.8, alpha: float = 0.05, most: int = 1000
) -> int | None:
    """Fewest seeds, at least two, whose TOST has this power at a true mean of 0; None above `most`."""
    return _fewest_with(equivalence_power, margin_in_sd, power, alpha, most)


Power = Callable[[int, float, float], float]
"""(seeds, effect or margin in SDs of d, alpha) to a chance."""


def _smallest_with(power_of: Power, n: int, power: float, alpha: float) -> float:
    _check_plan(power, alpha)
    if n < 2:
        return math.inf
    surely = (_t_quantile(1 - alpha / 2, n) * _spreads(n - 1)[1] + FAR) / math.sqrt(n)
    return optimize.brentq(lambda size: power_of(n, size, alpha) - power, 0, surely, xtol=1e-13)


def _fewest_with(power_of: Power, size: float, power: float, alpha: float, most: int) -> int | None:
    _check_plan(power, alpha)
    if not 0 <= size < math.inf:
        raise ValueError(
            f"{size} SDs of d is no effect or margin to plan for; it must be finite and not below 0"
        )
    n = 2 + bisect_left(range(2, most + 1), power, key=lambda n: power_of(n, size, alpha))
    return n if n <= most else None


def _check_plan(power: float, alpha: float) -> None:
    if not 0 < alpha < power < 1:
        raise ValueError(f"alpha {alpha} and power {power} must be in (0, 1), alpha the smaller")


def _noncentral_t(t: float, freedom: int, centre: float) -> float:
    """P(T ≤ t) for t ≥ 0 and T = (Z + centre)/s, to about 1e-13 whatever the arguments.

    scipy.stats.nct (1.17) is nan at some of these, e.g. P(T ≤ -2.26) for 9 degrees and centre 9.5.
    """
    low, high = (t * s for s in _spreads(freedom))

    def density_with_larger_s(x: np.ndarray) -> np.ndarray:
        larger = special.gammaincc(freedom / 2, freedom * (x / t) ** 2 / 2)
        return np.exp(-((x - centre) ** 2) / 2) / math.sqrt(2 * math.pi) * larger

    reached = _integral(density_with_larger_s, max(low, centre - FAR), min(high, centre + FAR))
    return float(special.ndtr(low - centre)) + reached


def _centre_of(t: float, freedom: int, p: float) -> float:
    """The noncentrality at which t ≥ 0 is the p quantile."""
    low, high = (t * s for s in _spreads(freedom))
    return optimize.brentq(
        lambda centre: _noncentral_t(t, freedom, centre) - p, low - FAR, high + FAR, xtol=1e-13
    )


def _spreads(freedom: int) -> tuple[float, float]:
    """What an estimated SD lies between, of a true SD of 1."""
    return max(0.0, 1 - FAR / math.sqrt(freedom)), 1 + FAR / math.sqrt(freedom)


def _integral(f: Callable[[np.ndarray], np.ndarray], low: float, high: float) -> float:
    """0 for an empty range."""
    return float(integrate.fixed_quad(f, low, high, n=NODES)[0]) if low < high else 0.0


def _chi_density(x: np.ndarray, freedom: int) -> np.ndarray:
    """Of the root of a chi-square variable; `scipy.stats`, which has it too, takes long to import."""
    constant = (freedom / 2 - 1) * math.log(2) + special.gammaln(freedom / 2)
    return np.exp((freedom - 1) * np.log(x) - x**2 / 2 - constant)


def _t_quantile(p: float, n: int) -> float:
    return float(special.stdtrit(n - 1, p))


def moments(values: ArrayLike) -> tuple[int, float, float]:
    """n, mean and SD, which is exactly 0 for equal values; nan where n leaves them undefined."""
    values = _differences(values)
    if not values.size:
        return 0, math.nan, math.nan
    if np.ptp(values) == 0:
        return values.size, float(values[0]), 0.0 if values.size > 1 else math.nan
    return values.size, float(values.mean()), float(values.std(ddof=1))


def _differences(values: ArrayLike) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.ndim != 1:
        raise ValueError(f"values of shape {values.shape}; one value per seed is wanted, of shape (seeds,)")
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        found = ", ".join(f"{values[i]} at {i}" for i in wrong)
        raise ValueError(f"not finite: {found} of {values.size} values; leave such seeds out and list them")
    return values


def _share(name: str, value: float) -> float:
    if not 0 < value < 1:
        raise ValueError(f"{name} is {value}; it must be in (0, 1)")
    return value
