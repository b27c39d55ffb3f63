"""The figures of a study: its arms beside the floor, their differences to the baseline, what each cure does alone and
left out, the steps to the cure.

A dot is a mean over seeds with its 95 % interval, a faint dot a run; hollow is an arm whose runs do not learn.
"""

from collections.abc import Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ablation.analyse.causes import has_causes, ranked_cures
from ablation.analyse.judge import ArmResult
from ablation.analyse.palette import ARM, BASELINE, BEST, FLOOR, PAPER, STYLE
from ablation.config.metrics import Measure
from ablation.config.study_file import ALL, ALL_BUT, ONLY

STEP = "step "
ROW, WIDTH = 0.27, 4.6
"""Inches for an arm, and for a panel."""
STEPS_BESIDE = 3
REFERENCES = ("floor", "best possible")
HOLLOW = "does not learn"
Results = dict[str, list[ArmResult]]


@matplotlib.rc_context(STYLE)
def study_figures(results: Results) -> dict[str, Figure]:
    """By name: those that the study's arms give; rows of every measure, the primary one first."""
    primary = next(iter(results.values()))
    names = [row.arm for row in primary if row.values]
    made = {"arms": arms_figure(primary)} if names else {}
    if any(_is_compared(row) for row in primary):
        made["differences"] = differences_figure(primary)
    if has_causes(primary):
        made["causes"] = causes_figure(results)
    if any(name.startswith(STEP) for name in names):
        made["steps"] = steps_figure(results)
    return made


def arms_figure(rows: Sequence[ArmResult]) -> Figure:
    """Every arm on one measure."""
    shown = [row for row in rows if row.values]
    figure = Figure(figsize=(1.6 * WIDTH, 1 + ROW * len(shown)), layout="constrained")
    axes = figure.subplots()
    _draw(axes, shown, [row.arm for row in shown])
    _measured(axes, rows[0].measure)
    _references(axes, shown)
    _legend(figure)
    return figure


def differences_figure(rows: Sequence[ArmResult]) -> Figure:
    """Every arm's difference to the baseline, seed by seed, beside what is negligible; the verdict at its end."""
    shown = [row for row in rows if _is_compared(row)]
    figure = Figure(figsize=(2 * WIDTH, 1.2 + ROW * len(shown)), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(shown):
        made = row.comparison
        _draw_row(
            axes, place, made.differences, made.mean, made.interval, bool(row.gate.invalid(row.measure))
        )
        axes.text(
            1.02, place, row.verdict, transform=axes.get_yaxis_transform(), va="center", fontsize="small"
        )
    axes.axvline(0, color=BASELINE, lw=1)
    delta = shown[0].delta
    if delta:
        axes.axvspan(-delta, delta, color=BASELINE, alpha=0.15, lw=0, label=f"negligible: within ±{delta:g}")
    _legend(figure)
    _measured(axes, rows[0].measure, f"difference to {rows[0].arm} in ")
    _rows_named(axes, [row.arm for row in shown])
    return figure


def _is_compared(row: ArmResult) -> bool:
    return row.comparison is not None and row.comparison.n > 0


def causes_figure(results: Results) -> Figure:
    """Two panels a measure: each cure alone on the baseline, and left out of all. What is worst left out comes first."""
    measures = [rows for rows in results.values() if any(row.values for row in rows)]
    cures = ranked_cures(measures[0])
    shape = (len(measures), 2)
    figure = Figure(figsize=(2 * WIDTH, shape[0] * (1 + ROW * len(cures))), layout="constrained")
    for line, rows in zip(figure.subplots(*shape, sharey=True, squeeze=False), measures, strict=True):
        by_name = {row.arm: row for row in rows}
        for axes, prefix, base, title in (
            (line[0], ONLY, rows[0], f"alone on {rows[0].arm}"),
            (line[1], ALL_BUT, by_name[ALL], "left out of all"),
        ):
            _draw(axes, [by_name.get(prefix + cure) for cure in cures], cures)
            _measured(axes, base.measure)
            axes.axvline(base.mean, color=BASELINE, lw=1, label="what it is compared with")
            if base.measure.ratio_of:
                axes.axvline(1, color=FLOOR, lw=1, ls="--", label="floor")
            axes.set_title(title, fontsize="medium")
    _legend(figure)
    return figure


def steps_figure(results: Results) -> Figure:
    """From the baseline step by step to all, a panel a measure, at most three beside each other."""
    measures = list(results.values())
    columns = min(STEPS_BESIDE, len(measures))
    lines = -(-len(measures) // columns)
    figure = Figure(figsize=(3.5 * columns, 3.2 * lines), layout="constrained")
    panels = figure.subplots(lines, columns, sharey=True, squeeze=False).flat
    for axes in panels[len(measures) :]:
        axes.remove()
    for axes, rows in zip(panels[: len(measures)], measures, strict=True):
        shown = [row for row in rows if is_step(row, rows[0]) and row.values]
        _draw(axes, shown, [row.arm.removeprefix(STEP) for row in shown])
        _measured(axes, rows[0].measure)
        _references(axes, shown)
    _legend(figure)
    return figure


def is_step(row: ArmResult, baseline: ArmResult) -> bool:
    """Whether the arm stands on the way from the baseline to all."""
    return row is baseline or row.arm.startswith(STEP) or row.arm == ALL


def _draw(axes: Axes, rows: Sequence[ArmResult | None], labels: Sequence[str]) -> None:
    """A row an arm, from the top; an empty one where there is no arm, or no run of it."""
    for place, row in enumerate(rows):
        if row is not None and row.values:
            values, hollow = list(row.values.values()), bool(row.gate.invalid(row.measure))
            _draw_row(axes, place, values, row.mean, row.interval, hollow)
    _rows_named(axes, labels)


def _draw_row(
    axes: Axes, place: int, values: Sequence[float], mean: float, interval: tuple[float, float], hollow: bool
) -> None:
    axes.plot(values, [place] * len(values), "o", color=ARM, alpha=0.25, ms=4, mew=0)
    if interval[0] == interval[0]:
        axes.plot(interval, [place, place], color=ARM, lw=2)
    look = {"mfc": PAPER, "label": HOLLOW} if hollow else {}
    axes.plot([mean], [place], "o", color=ARM, ms=6, **look)


def _rows_named(axes: Axes, labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(labels)), labels, fontsize="small")
    axes.set_ylim(max(1, len(labels)) - 0.5, -0.5)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _measured(axes: Axes, measure: Measure, what: str = "") -> None:
    """Says what goes to the right, and where it is better."""
    better = "← better" if measure.lower_is_better else "better →"
    axes.set_xlabel(f"{what}{measure.words}\n{better}", fontsize="small")


def _references(axes: Axes, rows: Sequence[ArmResult]) -> None:
    """The floor and the best possible, where the measure is a loss that has them, or its ratio to the floor."""
    known = floor_and_best(rows) if rows else (None, None)
    for value, colour, style, label in zip(known, (FLOOR, BEST), ("--", "-."), REFERENCES, strict=True):
        if value is not None:
            axes.axvline(value, color=colour, lw=1, ls=style, label=label)


def _legend(figure: Figure) -> None:
    """Above the figure, each sign once."""
    signs = {}
    for axes in figure.axes:
        signs |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    if signs:
        labels = sorted(signs, key=HOLLOW.__eq__)
        handles = [signs[label] for label in labels]
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), fontsize="small")


def floor_and_best(rows: Sequence[ArmResult]) -> tuple[float | None, float | None]:
    """On the rows' measure. Of a loss, those of the baseline's runs, the yardstick that its arms are held against; of a ratio
    to the floor, which any yardstick may be behind, the floor is 1, and the best that of the last row's first run.
    """
    measure = rows[0].measure
    floor = measure.floor
    if floor is None:
        return None, None
    runs = rows[-1].runs[:1] if measure.ratio_of else rows[0].runs
    floors = [run.metrics[floor] for run in runs if floor in run.metrics]
    oracle = floor.rsplit("_", 1)[0] + "_oracle"
    oracles = [run.metrics[oracle] for run in runs if oracle in run.metrics]
    unit = floors[0] if measure.ratio_of and floors else 1
    return _mean(floors, unit), _mean(oracles, unit)


def _mean(values: Sequence[float], unit: float) -> float | None:
    return sum(values) / len(values) / unit if values else None
