"""How many seeds a study needs, from the spread that a pilot showed."""

from tabulate import tabulate

from ablation.analyse.inference import (
    equivalence_margin,
    minimum_detectable,
    seeds_for_equivalence,
    seeds_to_detect,
)

FEWEST, MOST = 2, 1000
Spreads = dict[str, tuple[int, float]]
"""Arm to the pilot's number of seeds and the standard deviation of its paired differences."""


def power_table(spreads: Spreads, seeds: int, delta: float, effect: float | None) -> str:
    """What `seeds` seeds detect and can call equivalent at 80 % power, and the seeds that it takes."""
    rows = []
    for arm, (n, sd) in spreads.items():
        needed = seeds_to_detect(effect / sd) if effect and sd else FEWEST
        equal = seeds_for_equivalence(delta / sd) if sd else FEWEST
        rows.append(
            [
                arm,
                n,
                f"{sd:.3g}",
                f"{minimum_detectable(seeds) * sd:.3g}",
                f"{equivalence_margin(seeds) * sd:.3g}",
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


def _count(seeds: int | None) -> str:
    return f"more than {MOST}" if seeds is None else str(seeds)


def warnings(spreads: Spreads, seeds: int, delta: float, effect: float | None) -> list[str]:
    """What is out of reach with so many seeds."""
    told = []
    for arm, (_, sd) in spreads.items():
        margin, detects = equivalence_margin(seeds) * sd, minimum_detectable(seeds) * sd
        if delta < margin:
            told.append(
                f"warning: {arm}: with {seeds} seeds no difference below {margin:.3g} can be shown to be "
                f"negligible at 80 % power, and delta is {delta:g}: {_cure(seeds_for_equivalence(delta / sd))}"
            )
        if effect and effect < detects:
            told.append(
                f"warning: {arm}: {seeds} seeds detect {detects:.3g} at 80 % power, and the effect of "
                f"interest is {effect:g}: {_cure(seeds_to_detect(effect / sd))}"
            )
    few = [arm for arm, (n, _) in spreads.items() if n < 5]
    if few:
        told.append(
            f"The spread of {', '.join(few)} comes from fewer than 5 seeds: take it as a rough guide."
        )
    return told or [f"{seeds} seeds reach both at 80 % power."]


def _cure(seeds: int | None) -> str:
    return f"no number of seeds up to {MOST} reaches it" if seeds is None else f"it takes {seeds} seeds"
