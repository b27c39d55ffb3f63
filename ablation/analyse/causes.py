"""What each cure is worth: alone on the baseline, in its place among all, and how far the two differ.

A study with `one_factor_in` and `one_factor_out` says it: `only X` and `all but X`, beside the baseline and `all`. All
figures count for the cure: positive where it helps, whether the measure falls or rises then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from tabulate import tabulate

from ablation.analyse.answer import unanswered
from ablation.analyse.inference import holm, mean_interval, paired_t
from ablation.analyse.judge import ALPHA, FEWEST_FOR_VERDICT, NAN, ArmResult
from ablation.analyse.pairing import other_yardstick, pair
from ablation.analyse.study_record import StudyRecord
from ablation.config.study_file import ALL, ALL_BUT, ONLY

NOT_LEARNING = " (not learning)"
MARK = f"Marked{NOT_LEARNING} where an arm that a figure is computed from does not learn."


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
    pairs = pair(record, having.cells, without.cells)
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
    """Whether the study asks it, by leaving changes out of all, and has an answer by now."""
    names = [row.arm for row in rows if row.values]
    asks = any(row.arm.startswith(ALL_BUT) for row in rows)
    return asks and ALL in names and any(name.startswith((ONLY, ALL_BUT)) for name in names)


def causes_answer(record: StudyRecord, rows: Sequence[ArmResult]) -> str:
    """In three sentences, from the primary measure's rows: what all changes reach, which help alone, and which make it
    worse when left out: those that five seeds or more tell of, Holm-corrected over the changes.
    """
    by_name, cures = {row.arm: row for row in rows}, ranked_cures(rows)
    base, whole = rows[0], by_name[ALL]
    if not base.values:
        return unanswered(base)
    alone = [c for c in cures if ONLY + c in by_name and by_name[ONLY + c].values]
    learned = [c for c in alone if _learns(by_name[ONLY + c])]
    seeds = " and ".join(str(n) for n in dict.fromkeys((len(whole.values), len(base.values))))
    seeds += " seed" if seeds == "1" else " seeds"
    return (
        f"With all changes {base.measure.words} is {_figure(whole)} instead of {_figure(base)} "
        f"({whole.verdict}; {seeds}). Alone on {base.arm}, {len(learned)} of {len(alone)} changes let "
        f"the model learn{_listed(learned)}. {_left_out_told(record, by_name, cures)}"
    )


def _left_out_told(record: StudyRecord, by_name: Mapping[str, ArmResult], cures: Sequence[str]) -> str:
    """Of those with enough seeds; how many have fewer."""
    if not _learns(by_name[ALL]):
        return "What leaving one out costs is no question: all together do not learn."
    worths = {c: Worth.between(record, by_name[ALL_BUT + c], by_name[ALL]).values for c in cures}
    known = {cure: values for cure, values in worths.items() if len(values) >= FEWEST_FOR_VERDICT}
    adjusted = holm([paired_t(values) for values in known.values()], family=len(cures))
    worse = [c for c, p in zip(known, adjusted, strict=True) if p < ALPHA and np.mean(known[c]) > 0]
    shown = (
        f"Leaving one out of all is shown to make it worse for {len(worse)} of {len(known)}{_listed(worse)}"
    )
    unknown = len(cures) - len(known)
    few = f"for {unknown} there are too few seeds to tell what leaving it out costs"
    told = "; ".join(part for part, is_so in ((shown, known), (few, unknown)) if is_so)
    return f"{told[0].upper()}{told[1:]}."


def _learns(row: ArmResult) -> bool:
    return not row.gate.invalid(row.measure)


def _figure(row: ArmResult) -> str:
    low, high = row.interval
    return f"{row.mean:.3f}" + ("" if np.isnan(low) else f" [{low:.3f}, {high:.3f}]")


def _listed(names: Sequence[str]) -> str:
    return f": {', '.join(names)}" if names else ""


def causes_frame(record: StudyRecord, results: Mapping[str, Sequence[ArmResult]]) -> pd.DataFrame:
    """Tidy: a row per measure and cure, in the order of the primary measure, the first. `interaction` is what the cure
    is worth among all beyond what it is worth alone, on a measure that has one yardstick for both; its p is Holm-corrected
    over the cures of a measure. What a cure does alone is no effect of it, not even none, where its runs do not learn.
    """
    cures = ranked_cures(next(iter(results.values())))
    return pd.concat([_of_measure(record, rows, cures) for rows in results.values()], ignore_index=True)


def _of_measure(record: StudyRecord, rows: Sequence[ArmResult], cures: Sequence[str]) -> pd.DataFrame:
    arms = {row.arm: row for row in rows}
    share_yardstick = bool(Worth.between(record, arms[record.baseline], arms.get(ALL)).by_seed)
    table = pd.DataFrame([_row(record, arms, cure, share_yardstick) for cure in cures])
    return table.assign(interaction_p_holm=holm(table["interaction_p"].tolist()))


def _row(record: StudyRecord, arms: Mapping[str, ArmResult], cure: str, share_yardstick: bool) -> dict:
    """`share_yardstick`: the baseline and all changes together do, so that what is worth alone and among all compares."""
    baseline, only, all_but = arms[record.baseline], arms.get(ONLY + cure), arms.get(ALL_BUT + cure)
    alone = Worth.between(record, baseline, only)
    among_all = Worth.between(record, all_but, arms.get(ALL))
    interaction = among_all.beyond(alone) if share_yardstick else Worth({})
    return {
        "metric": baseline.measure.name,
        "cure": cure,
        **alone.columns("alone"),
        "alone_collapsed": _collapsed(only),
        "alone_not_learning": _not_learning(only),
        **among_all.columns("among_all"),
        "left_out_collapsed": _collapsed(all_but),
        "left_out_not_learning": _not_learning(all_but),
        **interaction.columns("interaction"),
    }


def _collapsed(row: ArmResult | None) -> str:
    return f"{row.gate.collapsed} of {row.gate.runs}" if row else ""


def _not_learning(row: ArmResult | None) -> str:
    """Why the gate lets no verdict pass; empty where the arm learns."""
    return row.gate.invalid(row.measure) if row and row.values else ""


def causes_page(frame: pd.DataFrame, metric: str, style: str = "github") -> str:
    """One measure's rows as a table, in a style that `tabulate` knows."""
    shown = causes_page_frame(frame, metric)
    return tabulate(shown, headers="keys", showindex=False, tablefmt=style, disable_numparse=True)


def causes_page_frame(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """One measure's rows in words."""
    shown = [
        {
            "cure": row["cure"],
            "alone": _told(row, "alone", "alone"),
            "collapsed": row["alone_collapsed"],
            "among all": _told(row, "among_all", "left_out"),
            "collapsed without": row["left_out_collapsed"],
            "interaction": _told(row, "interaction", "alone", "left_out"),
        }
        for row in frame[frame["metric"] == metric].to_dict("records")
    ]
    return pd.DataFrame(shown)


def _told(row: Mapping, prefix: str, *compared: str) -> str:
    """A worth with its interval, marked where an arm that it is computed from does not learn."""
    mean, low, high = (row[f"{prefix}_{name}"] for name in ("worth", "low", "high"))
    if not row[f"{prefix}_n"]:
        return ""
    told = f"{mean:+.4f}" + ("" if np.isnan(low) else f" [{low:+.4f}, {high:+.4f}]")
    return told + NOT_LEARNING * any(row[f"{arm}_not_learning"] for arm in compared)
