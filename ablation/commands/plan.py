"""`plan`: the cells of a study, what they cost, and what so many seeds can tell. Runs nothing."""

import statistics
from collections.abc import Sequence

from tabulate import tabulate

from ablation.analyse.judge import INVALID, REFUSED, ArmResult
from ablation.analyse.planning import power_table, warnings
from ablation.analyse.speed import minutes_of
from ablation.analyse.summary import arm_of
from ablation.commands.judging import find_study, judge
from ablation.commands.planned import Planned, planned_cells, study_command
from ablation.commands.study import stories_of
from ablation.commands.study_progress import duration
from ablation.config.entries import PlanOptions, StudyOptions
from ablation.config.study import Study
from ablation.config.study_file import load_study
from ablation.console import Console
from ablation.errors import TrackingError
from ablation.track.query import RunRecord, find_runs
from ablation.track.store import label_bystander, open_store


def run(options: PlanOptions, console: Console) -> int:
    """The command `plan`."""
    open_store()
    label_bystander(f"plan of {options.study}", "plan")
    study = load_study(options.study, options.overrides)
    stories = stories_of(study, console)
    data_hash = next(iter(stories.values())).source.digest
    cells = planned_cells(study, options.seeds, data_hash)
    console.say(f"\n{study.name}: {study.question}\n")
    cost = costs(study, data_hash)
    console.say(arms_table(study, cells, cost))
    console.say("\n" + cost_line(cells, cost, options.jobs))
    console.say("\n" + power(study, options, data_hash))
    return 0


def costs(study: Study, data_hash: str) -> dict[str, float]:
    """Seconds of a run by arm, from finished runs on the same data: of the arm's own configuration, else of
    any, by epoch. Empty when nothing was run yet.
    """
    runs = find_runs("train", extra=f"tags.data_hash = '{data_hash}' and attributes.status = 'FINISHED'")
    timed = [(run, 60 * minutes) for run in runs if (minutes := minutes_of(run)) is not None]
    if not timed:
        return {}
    any_epoch = statistics.median(seconds / int(run.params["epochs"]) for run, seconds in timed)
    found = {}
    for arm in study.arms:
        own = [seconds for run, seconds in timed if arm_of(run) == arm.config.arm]
        found[arm.name] = statistics.median(own) if own else any_epoch * arm.config.epochs
    return found


def arms_table(study: Study, cells: Sequence[Planned], cost: dict[str, float]) -> str:
    """One row per arm: what it changes, how many of its runs are finished, what one costs."""
    rows = []
    for arm in study.arms:
        own = [cell for cell in cells if cell.arm is arm]
        changed = arm.told or "the baseline"
        finished = sum(cell.run_id is not None for cell in own)
        seconds = duration(cost[arm.name]) if cost else "not known yet"
        rows.append([arm.name, changed, f"{finished} of {len(own)}", seconds])
    return tabulate(rows, headers=["arm", "changes", "finished", "one run takes"])


def cost_line(cells: Sequence[Planned], cost: dict[str, float], jobs: int) -> str:
    """How long what is left takes."""
    left = [cell for cell in cells if cell.run_id is None]
    head = f"{len(left)} of {len(cells)} cells are left to run"
    if not left:
        return head + "."
    if not cost:
        return (
            head + ". No run on these data is finished, so their cost is not known: run one seed as a pilot."
        )
    seconds = sum(cost[cell.arm.name] for cell in left)
    at_most = f", at best {duration(seconds / jobs)} with jobs={jobs}" if jobs > 1 else ""
    return f"{head}: about {duration(seconds)} one after another{at_most}, by the runs that are finished."


def power(study: Study, options: PlanOptions, data_hash: str) -> str:
    """What the planned seeds can tell, by the spread of a pilot: the study's own finished runs."""
    stake, seeds, rows = study.stakes[study.primary], options.seeds, _pilot(study, data_hash)
    spreads = {row.arm: (made.n, made.sd) for row in rows if (made := row.comparison) and made.n > 1}
    if not spreads:
        return (
            f"Power on {study.primary} is not known before a pilot has shown how much the differences between seeds "
            f"vary: run 3 seeds (`{pilot_command(options)}`), then plan again."
        )
    limits = seeds, stake.delta, stake.effect
    arms = len(study.arms) - 1 - sum(REFUSED in row.verdict for row in rows)
    told = warnings(spreads, *limits, arms)
    if arms > 1:
        told.append(
            f"All of this is after Holm's correction over {arms} arms, at its strictest step: by one test alone fewer seeds do."
        )
    idle = ", ".join(row.arm for row in rows if INVALID in row.verdict)
    if idle:
        told.append(f"warning: {idle}: not learning in the pilot, and runs that learn may vary otherwise.")
    return "\n".join([power_table(spreads, *limits, arms), "", *told])


def pilot_command(options: PlanOptions) -> str:
    """Runs the planned study with three seeds."""
    asked = {"study": options.study, "jobs": options.jobs, "overrides": options.overrides}
    return study_command(StudyOptions(seeds=3, **asked))


def _pilot(study: Study, data_hash: str) -> list[ArmResult]:
    """The rows of the primary measure, of the arms that the study has as the pilot had them, from the run of the study
    that was last worked on among those on these data and from this baseline; none where there is none.
    """
    try:
        newest, older = find_study(study.name, None)
    except TrackingError:
        return []
    piloted = (_rows_of(parent, study, data_hash) for parent in (newest, *reversed(older)))
    return next(
        (rows for rows in piloted if any(row.comparison and row.comparison.n > 1 for row in rows)), []
    )


def _rows_of(parent: RunRecord, study: Study, data_hash: str) -> list[ArmResult]:
    """Empty where it ran on other data, or from another baseline."""
    if parent.tags.get("data_hash") != data_hash or parent.tags.get("delta_hash") is None:
        return []
    judged = judge(parent.run_id, [study.primary])
    arms = {arm["name"]: arm["config"] for arm in judged.record.arms}
    same = {arm.name for arm in study.arms if _agree(arms.get(arm.name), arm.config.texts())}
    rows = judged.results[study.primary]
    return [row for row in rows if row.arm in same] if {rows[0].arm, study.baseline.name} <= same else []


def _agree(piloted: dict[str, str] | None, planned: dict[str, str]) -> bool:
    """On every key that both versions of the program know."""
    return piloted is not None and all(
        piloted[key] == planned[key] for key in piloted.keys() & planned.keys()
    )
