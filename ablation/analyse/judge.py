"""One arm against the baseline on one measure: estimates, tests, and the verdict (docs/study.md)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ablation.analyse.bootstrap import SEED, multi_bootstrap
from ablation.analyse.gate import Gate, gate, is_number
from ablation.analyse.inference import (
    ALPHA,
    SignFlip,
    hedges_dz,
    hedges_dz_interval,
    holm,
    mean_interval,
    minimum_detectable,
    moments,
    paired_t,
    probability_better,
    sign_flip,
    strictest,
    tost,
)
from ablation.analyse.pairing import Pairs, other_yardstick, pair
from ablation.analyse.study_record import Cell, StudyRecord, by_arm
from ablation.config.metrics import IMAGE, MEASURES, Measure

FEWEST_FOR_VERDICT = 5
NAN = math.nan
NO_INTERVAL = (NAN, NAN)
BASELINE, EXPLORATORY, SINGLE, NONE = "baseline", "exploratory", "single run", "no run"
INVALID, REFUSED = "invalid: not learning", "refused: another yardstick"
NEGLIGIBLE, DIFFERS, EQUIVALENT, INCONCLUSIVE = (
    "real but negligible",
    "differs",
    "equivalent",
    "inconclusive",
)
UNSTABLE = " (unstable)"


@dataclass
class Comparison:
    """An arm's differences to the baseline over the paired seeds, in the measure's own units. `baseline_mean` is nan where
    a measure may be negative, of which there is no percentage. `family` is how many arms share Holm's correction.
    """

    differences: np.ndarray
    baseline_mean: float = NAN
    correlation: float = NAN
    interval: tuple[float, float] = NO_INTERVAL
    bootstrap: tuple[float, float] = NO_INTERVAL
    p_t: float = NAN
    p_t_holm: float = NAN
    flips: SignFlip | None = None
    p_tost: float = NAN
    p_tost_holm: float = NAN
    dz: float = NAN
    dz_interval: tuple[float, float] = NO_INTERVAL
    better: float = NAN
    detectable: float = NAN
    family: int = 1
    if_failed_worst: tuple[float, float, float] | None = None

    @property
    def n(self) -> int:
        return len(self.differences)

    @property
    def mean(self) -> float:
        return float(self.differences.mean()) if self.n else NAN

    @property
    def sd(self) -> float:
        return moments(self.differences)[2]

    def percent(self, value: float) -> float:
        """Of the baseline's mean over the same seeds."""
        return 100 * value / self.baseline_mean if self.baseline_mean else NAN


@dataclass
class ArmResult:
    """One row: an arm on a measure. `values` are its finished runs', by seed; `lost` those that are no number, None where
    a run has not logged what the measure is made of.
    """

    arm: str
    measure: Measure
    primary: bool
    values: dict[int, float]
    cells: dict[int, Cell]
    gate: Gate
    lost: dict[int, float | None] = field(default_factory=dict)
    pairs: Pairs = field(default_factory=Pairs)
    comparison: Comparison | None = None
    delta: float | None = None
    verdict: str = ""
    note: str = ""

    @property
    def runs(self) -> list:
        """Finished ones, by seed."""
        return [self.cells[seed].run for seed in sorted(self.values)]

    @property
    def failed(self) -> set[int]:
        """Seeds whose run failed, or ended with a value that is no number."""
        failed = {seed for seed, cell in self.cells.items() if cell.state == "FAILED"}
        return failed | {seed for seed, value in self.lost.items() if value is not None}

    @property
    def mean(self) -> float:
        return float(np.mean(list(self.values.values()))) if self.values else NAN

    @property
    def interval(self) -> tuple[float, float]:
        """Of the mean over the seeds."""
        return mean_interval(list(self.values.values()))


class Judge:
    """Compares every arm of a study with its baseline. `scores` gives a run's losses by story, None where it
    has none.
    """

    def __init__(self, record: StudyRecord, cells: Sequence[Cell], scores=lambda run, measure: None):
        self.record, self.table, self.scores = record, by_arm(record, cells), scores
        self.finished = {
            arm: [cell.run for _, cell in sorted(by_seed.items()) if cell.finished]
            for arm, by_seed in self.table.items()
        }
        self.gates = {arm: gate(runs) for arm, runs in self.finished.items()}

    def results(self, measure_name: str) -> list[ArmResult]:
        """One row per arm, the baseline first, with verdicts where the measure is the primary one."""
        measure, primary = MEASURES[measure_name], measure_name == self.record.primary
        rows = [self._row(arm, measure, primary) for arm in self.record.arm_names]
        for row in rows[1:]:
            self._compare(row, rows[0])
        if primary:
            _correct(rows[1:])
        for row in rows:
            row.verdict, why = self._verdict(row)
            row.note = "; ".join(part for part in (why, *self._beside(row)) if part)
        return rows

    def _row(self, arm: str, measure: Measure, primary: bool) -> ArmResult:
        found = {
            seed: measure.value(cell.run.metrics) for seed, cell in self.table[arm].items() if cell.finished
        }
        values = {seed: value for seed, value in found.items() if is_number(value)}
        lost = {seed: value for seed, value in found.items() if seed not in values}
        stake = self.record.stakes.get(measure.name)
        delta = stake["delta"] if stake else None
        return ArmResult(arm, measure, primary, values, self.table[arm], self.gates[arm], lost, delta=delta)

    def _compare(self, row: ArmResult, base: ArmResult) -> None:
        row.pairs = pair(self.record, row.cells, base.cells)
        for side in (base, row):
            row.pairs.drop({seed: f"{side.arm} has {no_value(side, seed)}" for seed in side.lost})
        seeds = row.pairs.seeds
        yardstick = next(
            (w for s in seeds if (w := other_yardstick(row.measure, row.cells[s].run, base.cells[s].run))), ""
        )
        if yardstick:
            row.verdict, row.note = REFUSED, yardstick
        elif seeds:
            row.comparison = self._comparison(row, base, seeds)

    def _comparison(self, row: ArmResult, base: ArmResult, seeds: list[int]) -> Comparison:
        ours, theirs = (np.array([r.values[s] for s in seeds]) for r in (row, base))
        d = ours - theirs
        of = float(theirs.mean()) if row.measure.low >= 0 else NAN
        made = Comparison(d, of, correlation(ours, theirs), mean_interval(d))
        made.better = probability_better(d, row.measure.lower_is_better)
        if len(d) > 1:
            made.p_t, made.flips, made.dz = (
                paired_t(d),
                sign_flip(d, np.random.default_rng(SEED)),
                hedges_dz(d),
            )
            made.dz_interval = hedges_dz_interval(d)
            made.p_tost = tost(d, row.delta) if row.delta else NAN
            made.detectable = minimum_detectable(len(d)) * made.sd
            made.bootstrap = self._bootstrap(row, base, seeds)
        made.if_failed_worst = self._worst_case(row, base)
        return made

    def _bootstrap(self, row: ArmResult, base: ArmResult, seeds: list[int]) -> tuple[float, float]:
        parts = [self.scores([r.cells[s].run for s in seeds], row.measure) for r in (row, base)]
        return NO_INTERVAL if None in parts else multi_bootstrap(*parts, seed=SEED)

    def _worst_case(self, row: ArmResult, base: ArmResult) -> tuple[float, float, float] | None:
        """Mean and interval of the differences with every failed run scored as the worst of all that share the
        baseline's yardstick; None where none of the two arms has failed runs.
        """
        failed = row.failed | base.failed
        if not failed:
            return None
        runs = [run for runs in self.finished.values() for run in runs]
        known = [
            row.measure.value(run.metrics)
            for run in runs
            if not other_yardstick(row.measure, run, base.runs[0])
        ]
        worst = (max if row.measure.lower_is_better else min)(v for v in known if is_number(v))
        seeds = [s for s in row.cells if s in row.pairs.seeds or (s in failed and scored(s, row, base))]
        d = np.array([row.values.get(s, worst) - base.values.get(s, worst) for s in seeds])
        return (float(d.mean()), *mean_interval(d))

    def _verdict(self, row: ArmResult) -> tuple[str, str]:
        """And why, in words."""
        is_baseline, invalid = row.arm == self.record.baseline, row.gate.invalid(row.measure)
        if not row.values:
            return NONE, "" if row.lost else "no finished run"
        if invalid:
            return (f"{BASELINE}, {INVALID}" if is_baseline else INVALID), invalid
        stability = UNSTABLE if row.gate.unstable(row.measure) else ""
        if is_baseline:
            return BASELINE + stability, ""
        if row.verdict == REFUSED:
            return REFUSED, f"{row.note}: compare skill or a loss over its floor instead"
        verdict, why = compared_verdict(row)
        return verdict if verdict == NONE else verdict + stability, why

    def _beside(self, row: ArmResult) -> list[str]:
        """What a reader must know of an arm whatever its verdict."""
        told, gate = [], row.gate
        if not gate.invalid(row.measure):
            unlearned = gate.unlearned(row.measure)
            told.append(f"learned in part only: {unlearned}" if unlearned else "")
            if gate.unstable(row.measure) and not gate.failures(IMAGE):
                told.append(f"{gate.collapsed} of {gate.runs} runs collapsed")
        alone = {s: no_value(row, s) for s in row.lost if s not in row.pairs.dropped}
        lost = [Pairs(dropped=alone).told, row.pairs.told, _if_failed_worst(row)]
        return [*told, *lost, *self._declared_otherwise(row)]

    def _declared_otherwise(self, row: ArmResult) -> list[str]:
        """What else an arm changes that a pair should share, and a Δ that is younger than the runs."""
        arm, base = self.record.arm(row.arm), self.record.arms[0]
        told = []
        if arm["config"]["epochs"] != base["config"]["epochs"]:
            told.append(f"trains {arm['config']['epochs']} epochs, the baseline {base['config']['epochs']}")
        undeclared = sum(run.tags.get("delta_hash") != self.record.delta_hash for run in row.runs)
        if undeclared:
            told.append(f"{undeclared} of {len(row.runs)} runs are not from under this declaration of Δ")
        return told


def _correct(rows: Sequence[ArmResult]) -> None:
    """Holm's p, of the family that was declared: an arm without runs yet counts, so that those that come later take no
    verdict back; one on another yardstick does not.
    """
    family = sum(row.verdict != REFUSED for row in rows)
    compared = [row.comparison for row in rows if row.comparison]
    for comparison in compared:
        comparison.family = family
    for adjusted, plain in (("p_t_holm", "p_t"), ("p_tost_holm", "p_tost")):
        for comparison, p in zip(compared, holm([getattr(c, plain) for c in compared], family), strict=True):
            setattr(comparison, adjusted, p)


def _if_failed_worst(row: ArmResult) -> str:
    """What failed runs would do if they counted; empty where there are none."""
    worst = row.comparison.if_failed_worst if row.comparison else None
    if worst is None or math.isnan(worst[1]):
        return ""
    mean, low, high = worst
    return f"failed runs scored as the worst, the difference is {mean:+.4f} [{low:+.4f}, {high:+.4f}]"


def compared_verdict(row: ArmResult) -> tuple[str, str]:
    """The verdict of a valid arm, and what stands beside it."""
    comparison = row.comparison
    if comparison is None or comparison.n == 0:
        return NONE, "no seed pairs with the baseline"
    if comparison.n == 1:
        return SINGLE, "one seed says nothing of the others"
    if not row.primary:
        return EXPLORATORY, "not declared as a measure" if row.delta is None else "not the primary measure"
    if comparison.n < FEWEST_FOR_VERDICT:
        return EXPLORATORY, f"{comparison.n} seeds, {FEWEST_FOR_VERDICT} are needed for a verdict"
    differs, same = comparison.p_t_holm < ALPHA, comparison.p_tost_holm < ALPHA
    if differs and same:
        return NEGLIGIBLE, ""
    if differs:
        return DIFFERS, ""
    if same:
        return EQUIVALENT, ""
    return INCONCLUSIVE, _could_detect(comparison)


def _could_detect(comparison: Comparison) -> str:
    """By one test alone; and by the strictest step of Holm's correction."""
    n, arms = comparison.n, comparison.family
    told = f"{n} seeds detect {comparison.detectable:.2g} at 80 % power"
    if arms == 1:
        return told
    corrected = minimum_detectable(n, alpha=strictest(arms)) * comparison.sd
    return f"{told}, {corrected:.2g} once corrected for {arms} arms"


def no_value(row: ArmResult, seed: int) -> str:
    """What a finished run lacks."""
    return f"no {'' if row.lost[seed] is None else 'finite '}{row.measure.name}"


def scored(seed: int, *rows: ArmResult) -> bool:
    """Whether each of the arms has a value for a seed, or a failure."""
    return all(seed in row.values or seed in row.failed for row in rows)


def correlation(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Over the seeds; nan for fewer than three, or where one does not vary."""
    if len(ours) < 3 or not np.ptp(ours) or not np.ptp(theirs):
        return NAN
    return float(np.corrcoef(ours, theirs)[0, 1])
