"""What each cure is worth: alone on the baseline, in its place among all, and how far the two differ.

A study with `one_factor_in` and `one_factor_out` says it: `only X` and `all but X`, beside the baseline and `all`. All
figures count for the cure: positive where it helps, whether the measure falls or rises then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from tabulate import tabulate

from ablation.analyse.inference import holm, mean_interval, paired_t
from ablation.analyse.judge import NAN, ArmResult
from ablation.analyse.pairing import other_yardstick, pair
from ablation.analyse.study_record import StudyRecord
from ablation.config.study_file import ALL, ALL_BUT, ONLY


@dataclass(frozen=True)
class Worth:
    """By how much a cure helps, by seed."""

    by_seed: Mapping[int, float]

    @classmethod
    def between(cls, record: StudyRecord, without: ArmResult | None, having: ArmResult | None) -> "Worth":
        """Over the seeds whose runs pair; nothing where the two stand on different yardsticks."""
        if without is None or having is None:
            return cls({})
        sign = 1 if having.measure.lower_is_better else -1
        seeds = _paired(record, without, having)
        return cls({seed: sign * (without.values[seed] - having.values[seed]) for seed in seeds})

    def beyond(self, other: "Worth") -> "Worth":
        """How much more than `other`."""
        both = sorted(self.by_seed.keys() & other.by_seed.keys())
        return Worth({seed: self.by_seed[seed] - other.by_seed[seed] for seed in both})

    @property
    def values(self) -> list[float]:
        return list(self.by_seed.values())

    def columns(self, prefix: str) -> dict[str, float]:
        """Number of seeds, mean, its t interval, and the p of a paired t test."""
        low, high = mean_interval(self.values)
        mean = float(np.mean(self.values)) if self.values else NAN
        named = {"n": len(self.values), "worth": mean, "low": low, "high": high, "p": paired_t(self.values)}
        return {f"{prefix}_{name}": value for name, value in named.items()}


def _paired(record: StudyRecord, without: ArmResult, having: ArmResult) -> list[int]:
    changes = record.arm(without.arm)["changes"] | record.arm(having.arm)["changes"]
    pairs = pair(record, having.cells, without.cells, changes)
    seeds = [seed for seed in pairs.seeds if seed in without.values and seed in having.values]
    runs = ((without.cells[seed].run, having.cells[seed].run) for seed in seeds)
    return [] if any(other_yardstick(having.measure, *both) for both in runs) else seeds


def ranked_cures(rows: Sequence[ArmResult]) -> list[str]:
    """By how much is lost when each is left out, those without a run last."""
    left_out = [row for row in rows if row.arm.startswith(ALL_BUT)]
    sign = -1 if left_out and left_out[0].measure.lower_is_better else 1
    measured = [row for row in left_out if row.values]
    names = [row.arm for row in sorted(measured, key=lambda row: sign * row.mean)]
    names += [row.arm for row in left_out if not row.values]
    return [name.removeprefix(ALL_BUT) for name in names]


def has_causes(rows: Sequence[ArmResult]) -> bool:
    """Whether the study asks it, and has an answer by now."""
    names = [row.arm for row in rows if row.values]
    return ALL in names and any(name.startswith((ONLY, ALL_BUT)) for name in names)


def causes_answer(record: StudyRecord, rows: Sequence[ArmResult]) -> str:
    """In two or three sentences, from the primary measure's rows: what all changes reach, which help alone, which are
    missed when left out. A change counts as missed where the interval of its worth among all lies above 0.
    """
    by_name, cures = {row.arm: row for row in rows}, ranked_cures(rows)
    base, whole = rows[0], by_name[ALL]
    learned = [c for c in cures if _learns(by_name.get(ONLY + c))]
    worths = {c: Worth.between(record, by_name[ALL_BUT + c], whole) for c in cures}
    missed = [c for c in cures if mean_interval(worths[c].values)[0] > 0]
    alone = sum(bool(by_name[ONLY + c].values) for c in cures if ONLY + c in by_name)
    seeds = len(whole.values)
    return (
        f"With all changes {base.measure.name} is {_figure(whole)} instead of {_figure(base)} "
        f"({whole.verdict}; {seeds} seed{'s' * (seeds > 1)}). Alone on {base.arm}, {len(learned)} of {alone} changes let the model "
        f"learn{_listed(learned)}. Left out of all, {len(missed)} of {len(cures)} are missed{_listed(missed)}."
    )


def _learns(row: ArmResult | None) -> bool:
    return bool(row and row.values and not row.gate.invalid(row.measure))


def _figure(row: ArmResult) -> str:
    low, high = row.interval
    return f"{row.mean:.3f}" + ("" if np.isnan(low) else f" [{low:.3f}, {high:.3f}]")


def _listed(names: Sequence[str]) -> str:
    return f": {', '.join(names)}" if names else ""


def causes_frame(record: StudyRecord, results: Mapping[str, Sequence[ArmResult]]) -> pd.DataFrame:
    """Tidy: a row per measure and cure, in the order of the primary measure, the first. `interaction` is what the cure
    is worth among all beyond what it is worth alone; its p is Holm-corrected over the cures of a measure. What a cure
    does alone is no effect of it, not even none, where its runs do not learn.
    """
    cures = ranked_cures(next(iter(results.values())))
    return pd.concat([_of_measure(record, rows, cures) for rows in results.values()], ignore_index=True)


def _of_measure(record: StudyRecord, rows: Sequence[ArmResult], cures: Sequence[str]) -> pd.DataFrame:
    arms = {row.arm: row for row in rows}
    table = pd.DataFrame([_row(record, arms, cure) for cure in cures])
    return table.assign(interaction_p_holm=holm(table["interaction_p"].tolist()))


def _row(record: StudyRecord, arms: Mapping[str, ArmResult], cure: str) -> dict:
    baseline, only, all_but = arms[record.baseline], arms.get(ONLY + cure), arms.get(ALL_BUT + cure)
    alone = Worth.between(record, baseline, only)
    among_all = Worth.between(record, all_but, arms.get(ALL))
    return {
        "metric": baseline.measure.name,
        "cure": cure,
        **alone.columns("alone"),
        "alone_collapsed": _collapsed(only),
        "alone_not_learning": _not_learning(only),
        **among_all.columns("among_all"),
        "left_out_collapsed": _collapsed(all_but),
        "left_out_not_learning": _not_learning(all_but),
        **among_all.beyond(alone).columns("interaction"),
    }


def _collapsed(row: ArmResult | None) -> str:
    return f"{row.gate.collapsed} of {row.gate.runs}" if row else ""


def _not_learning(row: ArmResult | None) -> str:
    """Why the gate lets no verdict pass; empty where the arm learns."""
    return row.gate.invalid(row.measure) if row and row.values else ""


def causes_page(frame: pd.DataFrame, metric: str) -> str:
    """One measure's rows as a Markdown table."""
    shown = causes_page_frame(frame, metric)
    return tabulate(shown, headers="keys", showindex=False, tablefmt="github", disable_numparse=True)


def causes_page_frame(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """One measure's rows in words."""
    shown = [
        {
            "cure": row["cure"],
            "alone": _told(row, "alone") + (" (not learning)" if row["alone_not_learning"] else ""),
            "collapsed": row["alone_collapsed"],
            "among all": _told(row, "among_all"),
            "collapsed without": row["left_out_collapsed"],
            "interaction": _told(row, "interaction"),
        }
        for row in frame[frame["metric"] == metric].to_dict("records")
    ]
    return pd.DataFrame(shown)


def _told(row: Mapping, prefix: str) -> str:
    mean, low, high = (row[f"{prefix}_{name}"] for name in ("worth", "low", "high"))
    if not row[f"{prefix}_n"]:
        return ""
    return f"{mean:+.4f}" + ("" if np.isnan(low) else f" [{low:+.4f}, {high:+.4f}]")
