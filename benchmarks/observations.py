"""The observations of a study as files: what `summary` wrote, checked, and as the judge takes it."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ablation.analyse.study_record import FINISHED, Cell, StudyRecord
from ablation.analyse.study_tables import STATE_TAGS
from ablation.config.metrics import MEASURES
from ablation.errors import AblationError, reason

IMAGE, TEXT, GAP = "test/image_over_floor", "test/text_loss", "health/test_text_condition_gap"
PROBES = {what: f"health/test_probe_{what}" for what in ("setting", "people", "shot")}
FLOORS = {
    ("equalize",): [f"floor/test_image_{name}" for name in ("median", "half_blend", "oracle")],
    ("text_target", "batch_size"): ["floor/test_text_unigram"],
}
"""What of a configuration, besides the windows, a floor of a seed depends on."""
NEEDED = (
    *MEASURES[IMAGE].ratio_of,
    *(TEXT, GAP, *PROBES.values(), *(name.replace("health/", "floor/") for name in PROBES.values())),
    *(
        f"floor/test_{name}"
        for name in ("image_oracle", "image_half_blend", "text_unigram", "text_oracle", "retrieval")
    ),
    *(f"{kind}/test_{what}_right" for kind in ("floor", "health") for what in ("names", "places")),
    *(f"health/test_{name}" for name in ("image_skill", "image_retrieval", "text_retrieval")),
    *("health/test_prediction_spread", "health/test_target_spread"),
)
"""What every run must have been scored on."""
SAME_RUNS = ("code_hash", "environment_hash", "data_hash")


def read(folder: Path, judged: Collection[str]) -> tuple[StudyRecord, pd.DataFrame]:
    """What was declared, and the rows of the seeds that every arm has finished. `judged` arms must be there with all that
    is NEEDED. Raises AblationError.
    """
    try:
        record = StudyRecord.from_json((folder / "study.json").read_text())
        cells = pd.read_csv(folder / "cells.csv")
    except (OSError, ValueError) as error:
        raise AblationError(
            f"{folder}: {reason(error)}; `summary --study NAME --out {folder}` writes it"
        ) from error
    lacking = sorted({"arm", "seed", "state", "run_id", *STATE_TAGS, *NEEDED} - set(cells.columns))
    if lacking:
        raise AblationError(f"{folder / 'cells.csv'} lacks the columns {', '.join(lacking)}")
    finished = cells[cells["state"] == FINISHED]
    problems = [*_strange(record, finished, judged), *_mixed(finished), *_gaps(finished, judged)]
    arms_by_seed = finished.groupby("seed")["arm"].nunique()
    whole = arms_by_seed[arms_by_seed == len(record.arms)].index
    if not problems and not len(whole):
        problems.append(f"no seed is whole, with a finished run of each of the {len(record.arms)} arms")
    if problems:
        raise AblationError(f"{folder / 'cells.csv'}: {'; '.join(problems)}")
    return record, _on_common_floors(record, finished[finished["seed"].isin(whole)])


def _on_common_floors(record: StudyRecord, finished: pd.DataFrame) -> pd.DataFrame:
    """With floors that were fitted on the windows that are scored. Until 27 November 2026 a run fitted them on those that
    it trained on, so that arms with fewer windows had weaker floors for the same test; other arms have the right ones.
    """
    made = finished.copy()
    configs = {arm: record.arm(arm)["config"] for arm in record.arm_names}
    right = made["arm"].map({arm: _trains_on_what_is_scored(config) for arm, config in configs.items()})
    for keys, floors in FLOORS.items():
        told = {arm: "/".join(config[key] for key in keys) for arm, config in configs.items()}
        kind = made["seed"].astype(str) + made["arm"].map(told)
        common = made[right].groupby(kind)[floors].first().reindex(kind).set_axis(made.index)
        made[floors] = made[floors].where(right, common.fillna(made[floors]))
    median, oracle = made["floor/test_image_median"], made["floor/test_image_oracle"]
    made["health/test_image_skill"] = (median - made["test/image_loss"]) / (median - oracle)
    return made


def _trains_on_what_is_scored(config: dict[str, str]) -> bool:
    return config["scored_windows"] in ("same", config["windows"])


def _strange(record: StudyRecord, finished: pd.DataFrame, judged: Collection[str]) -> list[str]:
    strange = sorted(set(finished["arm"]) - set(record.arm_names))
    without = [arm for arm in judged if arm not in record.arm_names]
    told = [f"arms that study.json does not declare: {', '.join(strange)}"] if strange else []
    return told + ([f"study.json declares no arm {', '.join(without)}"] if without else [])


def _mixed(finished: pd.DataFrame) -> list[str]:
    """Rows that would count twice, or do not compare."""
    twice = finished[finished.duplicated(["arm", "seed"])]
    told = [f"{row.arm}, seed {row.seed} stands there twice" for row in twice.itertuples()][:1]
    values = {name: finished[name].unique() for name in SAME_RUNS}
    return told + [
        f"rows of {len(v)} {name}: {', '.join(map(str, v))}" for name, v in values.items() if len(v) > 1
    ]


def _gaps(finished: pd.DataFrame, judged: Collection[str]) -> list[str]:
    """Cells without a value that the tables are of."""
    of = finished[finished["arm"].isin(judged)]
    empty = [
        (row["arm"], row["seed"], name)
        for row in of.to_dict("records")
        for name in NEEDED
        if pd.isna(row[name])
    ]
    return [f"{arm}, seed {seed} has no {name}" for arm, seed, name in empty[:1]]


@dataclass(frozen=True)
class Observed:
    """A finished run, as far as judging asks."""

    run_id: str
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    status: str = FINISHED


def cell_of(record: StudyRecord, row: dict) -> Cell:
    """From a row of `cells.csv`."""
    params = record.arm(row["arm"])["config"] | {"seed": str(row["seed"])}
    metrics = {name: value for name, value in row.items() if "/" in name and not math.isnan(value)}
    run = Observed(row["run_id"], params, metrics, {tag: row[tag] for tag in STATE_TAGS})
    return Cell(row["arm"], row["seed"], "", run)
