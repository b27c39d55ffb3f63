"""What the verdicts mean, in words, for whoever reads a table."""

from ablation.analyse.judge import (
    BASELINE,
    DIFFERS,
    EQUIVALENT,
    EXPLORATORY,
    INCONCLUSIVE,
    INVALID,
    NEGLIGIBLE,
    NONE,
    REFUSED,
    SINGLE,
    UNSTABLE,
)

MEANINGS = {
    INVALID: "at least half of the runs predict one constant image, or do no better than a trivial floor (within 1 % of it); for "
    "text, swapping the story is not shown to cost anything. Such an arm is never “no effect”",
    DIFFERS: "the paired t test says so, after Holm's correction over all arms",
    EQUIVALENT: "the difference lies within ±delta (two one-sided tests, Holm)",
    NEGLIGIBLE: "both: there is a difference, and it lies within ±delta",
    INCONCLUSIVE: "neither; the note says what these seeds could have detected at 80 % power, by one test alone and after the correction",
    f"…{UNSTABLE}": "some runs collapsed: fewer than half, or any number where words are judged too",
    EXPLORATORY: "fewer than five seeds, or not the measure that verdicts are given on",
    SINGLE: "one seed pairs with the baseline",
    NONE: "no seed pairs with the baseline",
    REFUSED: "the arm changes what is predicted, so that its loss has another scale; compare skill or a loss over its floor",
}
KINDS = {INVALID: "invalid", DIFFERS: "differs", NEGLIGIBLE: "equivalent", EQUIVALENT: "equivalent"}
"""Verdict to how a page shows it; the others are plain."""


def kind_of(verdict: str) -> str:
    """Of a verdict as a table shows it."""
    plain = verdict.removesuffix(UNSTABLE).removeprefix(f"{BASELINE}, ")
    return KINDS.get(plain, "")
