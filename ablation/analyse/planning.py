"""How many seeds a study needs, from the spread that a pilot showed."""

import math

from tabulate import tabulate

from ablation.analyse.inference import (
    equivalence_margin,
    minimum_detectable,
    seeds_for_equivalence,
    seeds_to_detect,
    strictest,
)

FEWEST, MOST = 2, 1000
Spreads = dict[str, tuple[int, float]]
"""Arm to the pilot's number of seeds and the standard deviation of its paired differences."""


def power_table(spreads: Spreads, seeds: int, delta: float, effect: float | None, arms: int = 1) -> str:
    """What `seeds` seeds detect and can call equivalent at 80 % power, and the seeds that it takes, where verdicts are
    corrected for so many arms.
    """
    rows, alpha = [], strictest(arms)
    for arm, (n, sd) in spreads.items():
        needed = seeds_to_detect(effect / sd, alpha=alpha) if effect and sd else FEWEST
        equal = seeds_for_equivalence(delta / sd, alpha=alpha) if sd else FEWEST
        rows.append(
            [
                arm,
                n,
                f"{sd:.3g}",
                _of(minimum_detectable(seeds, alpha=alpha), sd),
                _of(equivalence_margin(seeds, alpha=alpha), sd),
                _count(needed) if effect else "no effect named",
                _count(equal),
            ]
        )
    effect_told = f"detect {effect:g}" if effect else "detect the effect"
    heads = [
        "arm",
        "pilot seeds",
        "SD of d",
        f"{seeds} seeds detect",
        "and margin",
        f"seeds to {effect_told}",
    ]
    return tabulate(rows, headers=[*heads, f"to show |d| < {delta:g}"], disable_numparse=True)


def _of(sizes: float, sd: float) -> str:
    """So many standard deviations in the measure's units."""
    return f"{sizes * sd:.3g}" if math.isfinite(sizes) else "nothing"


def _count(seeds: int | None) -> str:
    return f"more than {MOST}" if seeds is None else str(seeds)


def warnings(spreads: Spreads, seeds: int, delta: float, effect: float | None, arms: int = 1) -> list[str]:
    """What is out of reach with so many seeds."""
    if seeds < FEWEST:
        return ["warning: one seed shows no difference, whatever its size, and no equivalence."]
    told, alpha = [], strictest(arms)
    for arm, (_, sd) in spreads.items():
        margin = equivalence_margin(seeds, alpha=alpha) * sd
        detects = minimum_detectable(seeds, alpha=alpha) * sd
        if delta < margin:
            cure = _cure(seeds_for_equivalence(delta / sd, alpha=alpha))
            told.append(
                f"warning: {arm}: with {seeds} seeds no difference below {margin:.3g} can be shown to be "
                f"negligible at 80 % power, and delta is {delta:g}: {cure}"
            )
        if effect and effect < detects:
            cure = _cure(seeds_to_detect(effect / sd, alpha=alpha))
            told.append(
                f"warning: {arm}: {seeds} seeds detect {detects:.3g} at 80 % power, and the effect of "
                f"interest is {effect:g}: {cure}"
            )
    few = [arm for arm, (n, _) in spreads.items() if n < 5]
    if few:
        told.append(
            f"The spread of {', '.join(few)} comes from fewer than 5 seeds: take it as a rough guide."
        )
    reached = "the effect and the margin" if effect else "the margin"
    return told or [f"{seeds} seeds reach {reached} at 80 % power."]


def _cure(seeds: int | None) -> str:
    return f"no number of seeds up to {MOST} reaches it" if seeds is None else f"it takes {seeds} seeds"
