"""A study's answer in one sentence that may be quoted."""

from collections.abc import Sequence

from ablation.analyse.judge import (
    DIFFERS,
    EQUIVALENT,
    EXPLORATORY,
    INCONCLUSIVE,
    INVALID,
    NEGLIGIBLE,
    REFUSED,
    SINGLE,
    UNSTABLE,
    ArmResult,
)

SAID = {
    DIFFERS: "{arms} {differ} from {baseline}",
    NEGLIGIBLE: "{arms} {differ} from {baseline} by a real but negligible amount",
    EQUIVALENT: "{arms} {are} equivalent to {baseline}",
    INCONCLUSIVE: "for {arms} these seeds cannot tell",
    INVALID: "{arms} did not learn and cannot be judged",
    EXPLORATORY: "for {arms} there are too few seeds for a verdict",
    SINGLE: "for {arms} there is a single run",
    REFUSED: "{arms} {are} measured on another yardstick",
}


def answer(results: Sequence[ArmResult]) -> str:
    """Of the primary measure's rows, the baseline first."""
    base, arms = results[0], results[1:]
    if not base.values:
        return f"There is no answer yet: {base.arm}, the baseline, has no finished run."
    if INVALID in base.verdict and all(row.verdict == INVALID for row in arms):
        return _nothing_learned(results)
    told = [_said(kind, template, base.arm, arms) for kind, template in SAID.items()]
    head = f"On {base.measure.name}, over {_seeds(arms)}: "
    tail = ". The baseline itself did not learn" if INVALID in base.verdict else ""
    return head + "; ".join(part for part in told if part) + tail + "."


def _nothing_learned(results: Sequence[ArmResult]) -> str:
    runs = sum(row.gate.runs for row in results)
    collapsed = sum(row.gate.collapsed for row in results)
    at_floor = sum(row.gate.at_floor[part] for row in results for part in results[0].measure.parts[:1])
    return (
        f"None of the {len(results)} models learned, so the study cannot say whether they differ: "
        f"{collapsed} of {runs} runs predict one constant image for every story, and {at_floor} of {runs} do "
        "no better than a trivial floor (within 1 %). 'No change' between them means that nothing was "
        "learned, not that nothing has an effect."
    )


def _said(kind: str, template: str, baseline: str, arms: Sequence[ArmResult]) -> str:
    names = [row.arm for row in arms if row.verdict.removesuffix(UNSTABLE) == kind]
    if not names:
        return ""
    listed = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    one = len(names) == 1
    return template.format(
        arms=listed, baseline=baseline, differ="differs" if one else "differ", are="is" if one else "are"
    )


def _seeds(arms: Sequence[ArmResult]) -> str:
    counts = sorted({row.comparison.n for row in arms if row.comparison})
    if not counts:
        return "no pair of runs"
    if counts == [1]:
        return "1 seed"
    return f"{counts[0]} seeds" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"
