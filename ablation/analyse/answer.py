"""A study's answer in one sentence that may be quoted."""

from collections.abc import Sequence

from ablation.analyse.judge import (
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
    ArmResult,
)
from ablation.config.metrics import IMAGE, LOSSES

SAID = {
    DIFFERS: "{arms} {differ} from {baseline}",
    NEGLIGIBLE: "{arms} {differ} from {baseline} by a real but negligible amount",
    EQUIVALENT: "{arms} {are} equivalent to {baseline}",
    INCONCLUSIVE: "for {arms} these seeds cannot tell",
    INVALID: "{arms} did not learn and cannot be judged",
    EXPLORATORY: "for {arms} there are too few seeds for a verdict",
    SINGLE: "for {arms} there is a single run",
    REFUSED: "{arms} {are} measured on another yardstick",
    NONE: "for {arms} no run compares with {baseline}",
}


def answer(results: Sequence[ArmResult]) -> str:
    """Of the primary measure's rows, the baseline first."""
    base, arms = results[0], results[1:]
    if not base.values:
        return unanswered(base)
    if all(row.verdict == NONE for row in arms):
        return f"There is no answer yet: no other arm has a run that compares with {base.arm}, the baseline."
    if INVALID in base.verdict and all(row.verdict == INVALID for row in arms):
        return _nothing_learned(results)
    told = [_said(kind, template, base.arm, arms) for kind, template in SAID.items()]
    head = f"On {base.measure.words}, with {_seeds(arms)}: "
    tail = ". The baseline itself did not learn" if INVALID in base.verdict else ""
    return head + "; ".join(part for part in told if part) + tail + "."


def unanswered(base: ArmResult) -> str:
    """Without a value of the baseline."""
    has = f"no run with a value of {base.measure.words}" if base.lost else "no finished run"
    return f"There is no answer yet: {base.arm}, the baseline, has {has}."


def _nothing_learned(results: Sequence[ArmResult]) -> str:
    return (
        f"None of the {len(results)} models learned, so the study cannot say whether they differ: "
        f"{'; '.join(_findings(results, part) for part in results[0].measure.parts)}. 'No change' between them means that "
        "nothing was learned, not that nothing has an effect."
    )


def _findings(results: Sequence[ArmResult], part: str) -> str:
    """What the gate found on images, or on words, over all arms."""
    gates = [row.gate for row in results]
    runs, at_floor = sum(gate.runs for gate in gates), sum(gate.at_floor[part] for gate in gates)
    if part == IMAGE:
        collapsed = sum(gate.collapsed for gate in gates)
        return (
            f"{collapsed} of {runs} runs predict one constant image for every story, and {at_floor} of {runs} do "
            "no better than a trivial floor (within 1 %)"
        )
    mute = sum(gate.is_mute for gate in gates)
    return (
        f"in {mute} of {len(gates)} models another story's condition is not shown to cost the words anything, and {at_floor} of {runs} runs "
        f"do no better than {LOSSES[part].trivial} (within 1 %)"
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
